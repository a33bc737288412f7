//! Figures.

use proto::aftercare::survey::v1::{ClosedLoop, MeanScore, NetPromoterScore, Score, ScoreGroup, Share as ShareMessage};

use crate::{
    domain::score::{Mean, Nps, Share},
    store::score::{Figures, Group, Loop},
};

/// The scores of one group; hidden ones say only how many were asked and answered.
pub(crate) fn message(key: String, figures: &Figures, hidden: bool) -> Score {
    let response_rate = Some(share(Share::of(figures.answers.min(figures.asked), figures.asked)));
    if hidden {
        return Score { key, response_rate, hidden, ..Score::default() };
    }
    Score {
        key,
        response_rate,
        nps: Some(nps(&figures.nps)),
        csat: Some(share(figures.csat)),
        ces: Some(mean(&figures.ces)),
        low: Some(share(Share::of(figures.low, figures.answers))),
        hidden,
    }
}

fn share(share: Share) -> ShareMessage {
    ShareMessage { part: share.part, count: share.count, value: share.value, low: share.low, high: share.high }
}

fn nps(nps: &Nps) -> NetPromoterScore {
    NetPromoterScore {
        promoters: nps.promoters,
        passives: nps.passives,
        detractors: nps.detractors,
        count: nps.count(),
        value: nps.value,
        margin: nps.margin,
    }
}

fn mean(mean: &Mean) -> MeanScore {
    MeanScore { count: mean.count, value: mean.value, margin: mean.margin }
}

pub(crate) fn closed_loop(figures: &Loop) -> ClosedLoop {
    ClosedLoop {
        closed: Some(share(figures.closed)),
        closed_in_time: Some(share(figures.closed_in_time)),
        mean_minutes_to_close: figures.mean_minutes,
        callbacks_in_time: Some(share(figures.callbacks_in_time)),
    }
}

pub(crate) fn read_group(group: ScoreGroup) -> Group {
    match group {
        ScoreGroup::Unspecified => Group::All,
        ScoreGroup::Technician => Group::Technician,
        ScoreGroup::ServicePoint => Group::ServicePoint,
        ScoreGroup::OrgUnit => Group::OrgUnit,
        ScoreGroup::Kind => Group::Kind,
        ScoreGroup::Trigger => Group::Trigger,
        ScoreGroup::Month => Group::Month,
    }
}
