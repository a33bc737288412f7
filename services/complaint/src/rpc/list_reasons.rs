//! Lists the reasons a complaint can have.

use common::{error::Result, page, service::Call};
use proto::aftercare::complaint::v1::{ListReasonsRequest, ListReasonsResponse};

use crate::{Context, convert};

pub(crate) async fn handle(ctx: &Context, call: &Call, mut request: ListReasonsRequest) -> Result<ListReasonsResponse> {
    let wanted = match request.subject {
        0 => None,
        code => Some(convert::subject(code)?),
    };
    let token = std::mem::take(&mut request.page_token);
    let size = usize::try_from(page::size(request.page_size)?).unwrap_or(usize::MAX);
    request.page_size = 0;
    let print = page::fingerprint(&call.reach, &request);
    // The tree only grows at its end and is the same in every replica of one version: a place is a good cursor.
    let start = page::open::<usize>(&token, &print)?.unwrap_or(0);
    let reasons = ctx.reasons.reason.iter().filter(|reason| wanted.is_none_or(|subject| reason.subject == subject));
    let mut rest = reasons.skip(start);
    let reasons = rest.by_ref().take(size).map(convert::figures::reason).collect();
    let next_page_token = rest.next().map(|_| page::seal(&(start + size), &print)).unwrap_or_default();
    Ok(ListReasonsResponse { reasons, next_page_token })
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
        let mut request = ListReasonsRequest { page_size: 5, ..Default::default() };
        let mut paged = Vec::new();
        loop {
            let page = run!(desk, desk.call(Role::Agent), list_reasons, request.clone()).unwrap();
            assert!(page.reasons.len() <= 5);
            paged.extend(page.reasons);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, all);
        for subject in (1..).map_while(|code| ComplaintSubject::try_from(code).ok()) {
            let request = ListReasonsRequest { subject: subject.into(), ..Default::default() };
            let some = run!(desk, desk.call(Role::Agent), list_reasons, request).unwrap().reasons;
            assert!(some.first().is_some_and(|reason| reason.code.ends_with(".general")), "{subject:?}");
            assert!(some.iter().all(|reason| reason.subject() == subject));
        }
    }
}
