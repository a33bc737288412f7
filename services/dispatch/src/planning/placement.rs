//! Why a visit is where it is, and where else it could be.

use std::{collections::BTreeMap, sync::Arc};

use common::{catalog::Language, convert::Window, error::Result, service::Call};
use proto::aftercare::dispatch::v1 as api;

use super::{
    booking::look,
    horizon,
    placing::{Found, Place},
    snapshot::Snapshot,
};
use crate::{Context, convert, domain::work_order::WorkOrder};

/// What was asked and found for one work order.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The picture it was found in.
    pub(crate) picture: Arc<Snapshot>,
    /// Windows that were looked at.
    pub(crate) windows: Vec<Window>,
    /// What was found.
    pub(crate) found: Found,
}

/// Looks at the windows that count for an order: the promised one, else those that the customer accepts, else all.
pub(crate) async fn ask(ctx: &Context, call: &Call, order: &WorkOrder) -> Result<Asked> {
    let mut windows: Vec<Window> = match &order.promised {
        Some(promised) => vec![*promised],
        None => order.request.windows.iter().filter(|window| window.end > call.now).copied().collect(),
    };
    if windows.is_empty() {
        windows = horizon(ctx, call.now, None, 0)?;
    }
    windows.sort();
    let (picture, found) = look(ctx, call, order, &windows, "").await?;
    Ok(Asked { picture, windows, found })
}

impl Asked {
    /// The best way of each leading technician, best first.
    pub(crate) fn best(&self) -> Vec<&Place> {
        let mut best: BTreeMap<&String, &Place> = BTreeMap::new();
        for place in &self.found.places {
            let Some(lead) = place.technicians.first() else { continue };
            let known = best.entry(lead).or_insert(place);
            if (place.cost(), place.planned.start) < (known.cost(), known.planned.start) {
                *known = place;
            }
        }
        let mut best: Vec<&Place> = best.into_values().collect();
        best.sort_by_key(|place| (place.cost(), place.planned.start, place.technicians.clone()));
        best
    }

    /// The message of a way.
    pub(crate) fn message(&self, place: &Place) -> api::Placement {
        convert::plan::placement(place, self.windows[place.window], &self.number(place.technicians.first()))
    }

    fn number(&self, technician: Option<&String>) -> String {
        let lane = technician.and_then(|id| self.picture.lanes.get(id));
        lane.map(|lane| lane.technician.number.clone()).unwrap_or_default()
    }

    /// The rules in the way, with the number of technicians; the most frequent first.
    pub(crate) fn counts(&self, language: Language) -> Vec<api::RuleCount> {
        let mut counts: BTreeMap<&'static str, i32> = BTreeMap::new();
        for refusals in self.found.refused.values() {
            let mut codes: Vec<_> = refusals.iter().map(|refusal| refusal.rule.code()).collect();
            codes.sort_unstable();
            codes.dedup();
            for code in codes {
                *counts.entry(code).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        counts.into_iter().map(|(code, count)| convert::plan::rule_count(code, count, language)).collect()
    }

    /// Technician by technician, the rules in the way.
    pub(crate) fn technicians(&self, language: Language) -> Vec<api::TechnicianRefusal> {
        let told = |(id, refusals): (&String, &Vec<crate::domain::eligibility::Refusal>)| api::TechnicianRefusal {
            technician_id: id.clone(),
            technician_number: self.number(Some(id)),
            refusals: refusals.iter().map(convert::refusal).collect(),
            text: refusals
                .first()
                .map(|first| convert::plan::rule_text(first.rule.code(), language).to_owned())
                .unwrap_or_default(),
        };
        self.found.refused.iter().map(told).collect()
    }
}
