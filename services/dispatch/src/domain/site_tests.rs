//! What is missing is named, one by one.

use rstest::rstest;

use super::*;

fn item(code: &str, phase: Phase) -> ChecklistItem {
    ChecklistItem { item: code.to_owned(), phase }
}

fn done(code: &str) -> ChecklistEntry {
    ChecklistEntry { item: code.to_owned(), done: true, note: String::new() }
}

fn part(sku: &str, used: i64, returned: i64, van: &str) -> PartUse {
    PartUse {
        sku: sku.to_owned(),
        used_milli: used,
        returned_milli: returned,
        new_serial: String::new(),
        old_serial: String::new(),
        old_part_taken_back: false,
        van_reason: van.to_owned(),
    }
}

fn reserved(sku: &str, milli: i64) -> PartQuantity {
    PartQuantity { sku: sku.to_owned(), milli }
}

fn yuan(fen: i64) -> Money {
    Money { minor_units: fen, currency: "CNY".to_owned() }
}

fn whole() -> SiteRecord {
    SiteRecord {
        checklist: vec![done("power_off"), done("photos_after")],
        consent: Some(Consent {
            proposal: "new driver".to_owned(),
            price: Some(yuan(20_000)),
            agreed: true,
            method: ConsentMethod::Verbal,
            at: DateTime::from_timestamp(1_772_416_800, 0).unwrap(),
        }),
        parts: vec![part("DRV-1", 1000, 1000, "")],
        functional_test: Some(FunctionalTest { passed: true, note: String::new() }),
        signature: Some(Signature {
            file_id: "f1".to_owned(),
            vector: String::new(),
            signed_as: "customer".to_owned(),
        }),
        fee_collected: Some(yuan(20_000)),
        ..SiteRecord::default()
    }
}

fn gaps(record: &SiteRecord) -> Vec<String> {
    let checklist = [item("power_off", Phase::Start), item("photos_after", Phase::Complete)];
    let found = record.completion_gaps(&checklist, &[reserved("DRV-1", 2000)], Charge::Customer);
    found.into_iter().map(|gap| format!("{}:{}", gap.field, gap.rule)).collect()
}

#[test]
fn nothing_is_missing_in_a_whole_record() {
    assert_eq!(gaps(&whole()), Vec::<String>::new());
}

#[rstest]
#[case(|r: &mut SiteRecord| r.checklist.clear(), &["checklist.power_off:required", "checklist.photos_after:required"])]
#[case(|r: &mut SiteRecord| r.checklist[1].done = false, &["checklist.photos_after:required"])]
#[case(|r: &mut SiteRecord| r.consent = None, &["consent:required", "fee_collected:not_above_agreed_price"])]
#[case(|r: &mut SiteRecord| r.consent.as_mut().unwrap().agreed = false, &["consent.agreed:required"])]
#[case(|r: &mut SiteRecord| { r.consent.as_mut().unwrap().price = None; r.fee_collected = None; }, &["consent.price:required"])]
#[case(|r: &mut SiteRecord| r.fee_collected = Some(yuan(20_001)), &["fee_collected:not_above_agreed_price"])]
#[case(|r: &mut SiteRecord| r.fee_collected = Some(yuan(-1)), &["fee_collected:number.gte"])]
#[case(|r: &mut SiteRecord| r.fee_collected.as_mut().unwrap().currency = "USD".to_owned(), &["fee_collected:not_above_agreed_price"])]
#[case(|r: &mut SiteRecord| r.parts.clear(), &["parts.DRV-1:used_plus_returned_equals_reserved"])]
#[case(|r: &mut SiteRecord| r.parts[0].used_milli = 1500, &["parts.DRV-1:used_plus_returned_equals_reserved"])]
#[case(|r: &mut SiteRecord| r.parts[0].van_reason = "own stock".to_owned(), &["parts.DRV-1:used_plus_returned_equals_reserved"])]
#[case(|r: &mut SiteRecord| r.parts.push(part("BULB-9", 1000, 0, "")), &["parts.BULB-9:van_reason_required"])]
#[case(|r: &mut SiteRecord| r.parts.push(part("BULB-9", 1000, 0, "own stock")), &[])]
#[case(|r: &mut SiteRecord| r.functional_test = None, &["functional_test:required"])]
#[case(|r: &mut SiteRecord| r.functional_test.as_mut().unwrap().passed = false, &["functional_test:passed"])]
#[case(|r: &mut SiteRecord| r.signature = None, &["signature:required"])]
#[case(|r: &mut SiteRecord| r.signature.as_mut().unwrap().file_id.clear(), &["signature:required"])]
fn each_gap_is_named(#[case] spoil: fn(&mut SiteRecord), #[case] named: &[&str]) {
    let mut record = whole();
    spoil(&mut record);
    assert_eq!(gaps(&record), named);
}

#[test]
fn a_job_that_we_pay_needs_no_price_but_takes_no_fee_either() {
    let mut record = whole();
    record.consent.as_mut().unwrap().price = None;
    let found = |record: &SiteRecord| record.completion_gaps(&[], &[reserved("DRV-1", 2000)], Charge::Ours);
    assert_eq!(found(&record)[0].field, "fee_collected");
    record.fee_collected = None;
    assert!(found(&record).is_empty());
}

#[test]
fn only_the_items_of_the_start_are_asked_for_at_the_start() {
    let mut record = whole();
    record.checklist = vec![done("power_off")];
    let checklist = [item("power_off", Phase::Start), item("photos_after", Phase::Complete)];
    assert!(record.start_gaps(&checklist, Charge::Customer).is_empty());
}

#[test]
fn additions_replace_by_name_and_leave_the_rest() {
    let mut record = whole();
    let photo = Attachment { file_id: "p1".to_owned(), label: "before".to_owned() };
    record.add(Additions {
        checklist: vec![ChecklistEntry { item: "power_off".to_owned(), done: false, note: "no access".to_owned() }],
        photos: vec![photo.clone(), photo],
        ..Additions::default()
    });
    assert_eq!(record.checklist.iter().filter(|entry| entry.item == "power_off").count(), 1);
    assert_eq!((record.photos.len(), record.parts.len()), (1, 1));
    assert!(record.signature.is_some() && record.functional_test.is_some());
}
