//! The questionnaires that a new installation starts with. Run at every start, by every replica: it adds what is
//! missing and touches nothing else.

use common::{
    error::{Error, Result, reason},
    service::Call,
};
use serde::Deserialize;

use crate::{
    Context,
    domain::{
        question::{Question, Texts},
        questionnaire::{Content, Questionnaire},
    },
    store::questionnaire,
};

/// One questionnaire of the embedded data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    code: String,
    titles: Texts,
    questions: Vec<Question>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seeds {
    questionnaires: Vec<Seed>,
}

fn seeds() -> Result<Vec<Seed>> {
    let seeds: Seeds = toml::from_str(include_str!("../../data/questionnaires.toml")).map_err(Error::internal)?;
    Ok(seeds.questionnaires)
}

/// Publishes version 1 of every embedded questionnaire of which there is no version.
pub(crate) async fn questionnaires(ctx: &Context) -> Result<()> {
    for seed in seeds()? {
        match add(ctx, seed).await {
            // Another replica was first.
            Err(error) if error.reason == reason::CONFLICT => {}
            other => other?,
        }
    }
    Ok(())
}

async fn add(ctx: &Context, seed: Seed) -> Result<()> {
    let call = Call::internal(&ctx.core, ctx.core.service, "seed");
    let tx = ctx.core.db.begin().await?;
    if questionnaire::latest_number(&tx, &seed.code).await? > 0 {
        return Ok(());
    }
    let content = Content { titles: seed.titles, questions: seed.questions };
    let id = call.ids.make(call.now);
    let draft = Questionnaire::draft(id, seed.code, 1, String::new(), content, call.now)?;
    let draft = questionnaire::insert(&tx, &call, draft, "create").await?;
    questionnaire::save(&tx, &call, draft.publish(call.now)?).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use common::id::Ids;

    use super::*;
    use crate::domain::occasion::Trigger;

    #[test]
    fn the_embedded_questionnaires_can_be_asked_and_every_trigger_has_one() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let defaults: crate::Config = toml::from_str(include_str!("../../config/default.toml")).unwrap();
        let seeds = seeds().unwrap();
        for trigger in Trigger::ALL {
            let code = &defaults.triggers.policy(trigger).questionnaire;
            assert!(seeds.iter().any(|seed| seed.code == *code), "{code}");
        }
        for seed in seeds {
            let content = Content { titles: seed.titles, questions: seed.questions };
            Questionnaire::draft(Ids::seeded(1).make(now), seed.code, 1, String::new(), content, now).unwrap();
        }
    }
}
