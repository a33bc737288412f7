//! Lists the reasons a complaint can have.

use common::{error::Result, service::Call};
use proto::aftercare::complaint::v1::{ListReasonsRequest, ListReasonsResponse};

use crate::{Context, convert};

pub(crate) async fn handle(ctx: &Context, _call: &Call, request: ListReasonsRequest) -> Result<ListReasonsResponse> {
    let wanted = match request.subject {
        0 => None,
        code => Some(convert::subject(code)?),
    };
    let reasons = ctx.reasons.reason.iter();
    let reasons = reasons.filter(|reason| wanted.is_none_or(|subject| reason.subject == subject));
    Ok(ListReasonsResponse { reasons: reasons.map(convert::figures::reason).collect(), next_page_token: String::new() })
}

#[cfg(test)]
mod tests {
    use common::{record::Role, testing::Backend};
    use proto::aftercare::complaint::v1::{ComplaintSubject, ListReasonsRequest};

    use crate::rpc::testing::*;

    #[tokio::test]
    async fn every_subject_has_a_general_reason_and_codes_are_unique() {
        let desk = desk(Backend::Sqlite).await;
        let all = run!(desk, desk.call(Role::Agent), list_reasons, ListReasonsRequest::default()).unwrap().reasons;
        let mut codes: Vec<_> = all.iter().map(|reason| reason.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all.len());
        for subject in (1..).map_while(|code| ComplaintSubject::try_from(code).ok()) {
            let request = ListReasonsRequest { subject: subject.into() };
            let some = run!(desk, desk.call(Role::Agent), list_reasons, request).unwrap().reasons;
            assert!(some.first().is_some_and(|reason| reason.code.ends_with(".general")), "{subject:?}");
            assert!(some.iter().all(|reason| reason.subject() == subject));
        }
    }
}
