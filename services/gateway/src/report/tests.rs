//! A whole report in both languages, read again from its PDF.

use jiff::tz::TimeZone;
use proto::aftercare::{
    common::v1::{Address, Attachment, Money, TimeWindow, UsedPart},
    dispatch::v1::{
        Assignment, ChecklistEntry, Consent, ConsentMethod, Diagnosis, FailReason, FunctionalTest, LabourLine, PartUse,
        Reading, Signature, SiteRecord, SiteStep, TakeAwayReceipt, Technician, WorkOrder,
    },
    intake::v1::{Product, RequestKind, ServiceRequest},
};

use super::{
    case::{PHOTOS, Pictures},
    words::spoken,
    *,
};
use crate::files::tests::pictures::{jpeg, png};

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// 2026-11-22 09:30 in Shanghai.
const NINE_THIRTY: i64 = 1_795_311_000;

fn case() -> Case {
    let step = |action: &str, minutes: i64| SiteStep {
        action: action.to_owned(),
        at: at(NINE_THIRTY + 60 * minutes),
        ..Default::default()
    };
    let money = |minor_units| Some(Money { minor_units, currency_code: "CNY".to_owned() });
    let used = |sku: &str, used_milli, returned_milli| PartUse {
        part: Some(UsedPart {
            sku: sku.to_owned(),
            used_milli,
            returned_milli,
            new_serial: "N-77".to_owned(),
            old_serial: "O-12".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let record = SiteRecord {
        checklist: vec![
            ChecklistEntry { item: "power_off".to_owned(), done: true, note: String::new() },
            ChecklistEntry { item: "own_item".to_owned(), done: false, note: "客户自行处理".to_owned() },
        ],
        diagnosis: Some(Diagnosis {
            fault_code: "WM01".to_owned(),
            cause_code: "C07".to_owned(),
            text: "排水泵叶轮卡死，电机烧毁，更换排水泵后试机正常。".to_owned(),
        }),
        consent: Some(Consent {
            proposal: "更换排水泵".to_owned(),
            price: money(12_850),
            agreed: true,
            method: ConsentMethod::Signature.into(),
            at: at(NINE_THIRTY + 600),
        }),
        labour: vec![LabourLine { code: "L-PUMP".to_owned(), text: "拆装排水泵".to_owned(), minutes: 35 }],
        parts: vec![used("WM-PUMP", 1500, 0), used("WM-BELT", 0, 1000)],
        readings: vec![Reading { name: "insulation".to_owned(), value: "52".to_owned(), unit: "MΩ".to_owned() }],
        functional_test: Some(FunctionalTest { passed: true, note: "脱水无异响".to_owned() }),
        photos: vec![Attachment { file_id: "f".to_owned(), label: "before".to_owned() }; PHOTOS + 3],
        remarks: "师傅很准时 on time".to_owned(),
        signature: Some(Signature {
            vector: "M 0 0 C 40 60 80 -40 120 20 L 160 10".to_owned(),
            signed_as: "customer".to_owned(),
            ..Default::default()
        }),
        receipt: Some(TakeAwayReceipt {
            receipt_number: "TA-9".to_owned(),
            item: "电脑板".to_owned(),
            signature: Some(Signature {
                file_id: "s".to_owned(), signed_as: "家人".to_owned(), ..Default::default()
            }),
            taken_at: at(NINE_THIRTY + 1200),
            ..Default::default()
        }),
        steps: vec![step("arrive", 0), step("start", 12)],
        fee_collected: money(12_850),
    };
    let order = WorkOrder {
        work_order_id: "wo_1".to_owned(),
        number: "WO-2026-000007".to_owned(),
        service_request_number: "SR-2026-000005".to_owned(),
        kind: "repair".to_owned(),
        charge_kind: "charged".to_owned(),
        visit_number: 2,
        state: WorkOrderState::Verified.into(),
        assignment: Some(Assignment { technician_id: "te_1".to_owned(), ..Default::default() }),
        promised_window: Some(TimeWindow { start: at(NINE_THIRTY - 1800), end: at(NINE_THIRTY + 5400) }),
        record: Some(record),
        completed_at: at(NINE_THIRTY + 3600),
        ..Default::default()
    };
    let address = Address {
        province: "上海市".to_owned(),
        city: "上海市".to_owned(),
        district: "徐汇区".to_owned(),
        line: "漕溪北路 88 号".to_owned(),
        ..Default::default()
    };
    Case {
        order,
        request: Some(ServiceRequest {
            contact_name: "李女士".to_owned(),
            contact_phone: "+8613900000000".to_owned(),
            description: "洗衣机不排水，李女士家里有老人".to_owned(),
            address: Some(address),
            ..Default::default()
        }),
        product: Some(Product {
            model: "WM-8100".to_owned(),
            serial_number: "WM20250001".to_owned(),
            purchase_date: "2025-03-01".to_owned(),
            ..Default::default()
        }),
        technician: Some(Technician {
            name: "王师傅".to_owned(),
            number: "T-0042".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            ..Default::default()
        }),
        parts: [("WM-PUMP".to_owned(), "排水泵".to_owned())].into(),
    }
}

fn pictures() -> Pictures {
    let photos = (0..PHOTOS).map(|_| ("before".to_owned(), Some(jpeg(320, 240).into()))).collect();
    Pictures { photos, signature: None, receipt_signature: Some(png(200, 80).into()) }
}

fn written(case: &Case, pictures: Pictures, language: Language) -> Vec<u8> {
    pages::write(case, pictures, &Words::read().unwrap(), language, &TimeZone::UTC).unwrap()
}

/// Everything that can be read in a PDF, without its line breaks: where a line ends is the paper's matter.
fn read(pdf: &[u8]) -> String {
    let document = lopdf::Document::load_mem(pdf).unwrap();
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    document.extract_text(&pages).unwrap().replace('\n', "")
}

#[test]
fn everything_that_was_done_stands_in_the_report() {
    let pdf = written(&case(), pictures(), Language::Chinese);
    if let Ok(folder) = std::env::var("AFTERCARE_SHOW") {
        std::fs::write(std::path::Path::new(&folder).join("zh.pdf"), &pdf).unwrap();
        let english = written(&case(), pictures(), Language::English);
        std::fs::write(std::path::Path::new(&folder).join("en.pdf"), english).unwrap();
    }
    let text = read(&pdf);
    for part in [
        "服务报告单",
        "WO-2026-000007",
        "SR-2026-000005",
        "维修",
        "收费",
        "已完成",
        "王师傅",
        "T-0042",
        "2026-11-22 09:00 – 11:00",
        "2026-11-22 09:30",
        "2026-11-22 09:42",
        "2026-11-22 10:30",
        "李女士",
        "+8613900000000",
        "上海市徐汇区漕溪北路 88 号",
        "WM-8100",
        "WM20250001",
        "2025-03-01",
        "断电",
        "own_item",
        "客户自行处理",
        "WM01",
        "C07",
        "更换排水泵后试机正常",
        "CNY 128.50",
        "签字",
        "L-PUMP",
        "35",
        "WM-PUMP",
        "1.5",
        "N-77",
        "O-12",
        "52 MΩ",
        "脱水无异响",
        "on time",
        "TA-9",
        "电脑板",
        "家人",
        "客户本人",
        "另有 3 张照片",
        "服务前",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert!(!text.contains("上海市上海市"), "a municipality is named once");
    assert!(!text.contains("WM-BELT"), "what was only brought back is no matter of the customer's");
    let english = read(&written(&case(), pictures(), Language::English));
    for part in ["Service report", "Charged", "Completed", "Power off", "3 more photos", "Signed as: customer"] {
        assert!(english.contains(part), "{part} is missing: {english}");
    }
    assert_eq!(pdf, written(&case(), pictures(), Language::Chinese), "the same record, the same bytes");
}

#[test]
fn who_holds_a_link_reads_nothing_personal() {
    let text = read(&written(&case().without_personal_data(), pictures(), Language::Chinese));
    for part in ["李女士", "13900000000", "漕溪北路", "老人", "师傅", "T-0042", "on time"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
    for part in ["更换排水泵后试机正常", "2026-11-22 09:30", "N-77"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

#[test]
fn a_visit_that_came_to_nothing_has_a_short_report() {
    let order = WorkOrder {
        number: "WO-2026-000008".to_owned(),
        state: WorkOrderState::Failed.into(),
        fail_reason: FailReason::CustomerAbsent.into(),
        update_time: at(NINE_THIRTY),
        ..Default::default()
    };
    let text = read(&written(&Case { order, ..Case::default() }, Pictures::default(), Language::English));
    assert!(text.contains("Not solved: nobody at home"), "{text}");
    for heading in ["Customer", "Photos", "Signature", "Parts", "Diagnosis"] {
        assert!(!text.contains(heading), "{heading} stands over nothing: {text}");
    }
}

/// A code of the contract that nobody has put into words would stand on the customer's paper as it is.
#[test]
fn every_code_of_the_contract_has_words() {
    let words = Words::read().unwrap();
    let named =
        |codes: &words::Codes, code: &str| codes.contains_key(code) && spoken(codes, code, Language::Chinese) != code;
    for kind in (1..).map_while(|kind| RequestKind::try_from(kind).ok()) {
        let code = kind.as_str_name().trim_start_matches("REQUEST_KIND_").to_lowercase();
        assert!(named(&words.job, &code), "{code}");
    }
    for reason in (1..).map_while(|reason| FailReason::try_from(reason).ok()) {
        assert!(named(&words.failure, reason.as_str_name().trim_start_matches("FAIL_REASON_")), "{reason:?}");
    }
    for method in (1..).map_while(|method| ConsentMethod::try_from(method).ok()) {
        assert!(named(&words.consent, method.as_str_name().trim_start_matches("CONSENT_METHOD_")), "{method:?}");
    }
    for state in (1..).map_while(|state| WorkOrderState::try_from(state).ok()).filter(|state| ready(*state)) {
        assert!(named(&words.result, state.as_str_name().trim_start_matches("WORK_ORDER_STATE_")), "{state:?}");
    }
    let jobs = include_str!("../../../dispatch/data/jobs.toml");
    let items = jobs.split("item = \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for item in items {
        assert!(named(&words.checklist, item), "{item}");
    }
}
