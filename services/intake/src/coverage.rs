//! What the warranty says about a product, with its repairs out of our own requests.

use chrono::{DateTime, NaiveDate, Utc};
use common::{error::Result, reach::Scoped};

use crate::{
    Context,
    domain::{
        product::Product,
        request::WarrantySnapshot,
        warranty::{self, Answer, Exclusion, Question, Verdict},
    },
    store,
};

/// The date on the wall clock of a unit.
pub(crate) fn date_of(ctx: &Context, org_unit_id: &str, at: DateTime<Utc>) -> NaiveDate {
    let hours = &ctx.rules.hours;
    hours.units.get(org_unit_id).unwrap_or(&hours.usual).date_of(at)
}

/// Resolves the warranty of a product. `except` is the request that asks: it is not one of the repairs before it.
pub(crate) async fn resolve(
    ctx: &Context,
    on: &impl Scoped,
    product: &Product,
    question: &Question,
    except: &str,
) -> Result<Answer> {
    let requests = store::service_request::of_product(on, product.id.as_str()).await?;
    let repairs: Vec<_> = requests
        .iter()
        .filter(|request| request.id.as_str() != except)
        .filter_map(|request| request.repair(|at| date_of(ctx, &request.org_unit_id, at)))
        .collect();
    Ok(warranty::resolve(&ctx.rules.warranty, &product.unit(), &repairs, question))
}

/// What of an answer a request keeps.
pub(crate) fn snapshot(answer: &Answer) -> WarrantySnapshot {
    WarrantySnapshot {
        verdict: answer.verdict,
        rule: answer.rule.to_owned(),
        version: answer.version.clone(),
        end: answer.end,
        charged_reason: answer.charged_reason.to_owned(),
    }
}

/// A repair of something that nobody has registered: without proof it is charged.
pub(crate) fn unproven(ctx: &Context) -> WarrantySnapshot {
    WarrantySnapshot {
        verdict: Verdict::Charged,
        rule: "exclusion".to_owned(),
        version: ctx.rules.warranty.version.clone(),
        end: None,
        charged_reason: Exclusion::MissingProof.to_string(),
    }
}
