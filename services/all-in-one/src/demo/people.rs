//! Names, addresses and telephone numbers that look right: drawn from lists by a seeded generator, so that the same
//! seed makes the same people. None of them exists; the numbers are of a range that is not given out.

use proto::aftercare::common::v1::{Address, LatLng};
use rand::{RngExt as _, rngs::StdRng};

const SURNAMES: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马",
    "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓", "许", "傅", "沈", "曾",
    "彭", "吕",
];
const GIVEN: [&str; 48] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀英", "霞",
    "平", "刚", "桂英", "建华", "文", "辉", "玲", "志强", "晓明", "雪梅", "海燕", "国强", "丽华", "建国", "红", "子涵",
    "浩然", "宇轩", "欣怡", "梓萱", "一诺", "俊杰", "思远", "雨桐", "嘉怡", "晨曦", "佳宁", "天宇", "若曦",
];
const STREETS: [&str; 20] = [
    "人民路",
    "解放路",
    "建设路",
    "中山路",
    "和平街",
    "新华路",
    "文化路",
    "光明路",
    "幸福路",
    "长江路",
    "黄河路",
    "青年路",
    "朝阳路",
    "胜利街",
    "花园路",
    "科技路",
    "学院路",
    "东风路",
    "友谊路",
    "湖滨路",
];
const ESTATES: [&str; 16] = [
    "阳光花园",
    "翠湖苑",
    "金色家园",
    "锦绣城",
    "江南名府",
    "绿地新都",
    "万和小区",
    "世纪嘉园",
    "枫林雅居",
    "碧水湾",
    "东方明珠苑",
    "书香门第",
    "紫荆花园",
    "盛世华庭",
    "和谐家园",
    "海棠苑",
];

/// A district with its point on the map.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct District {
    /// Six-digit administrative code.
    pub division_code: String,
    /// Province.
    pub province: String,
    /// City.
    pub city: String,
    /// District.
    pub district: String,
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

/// The districts of the four demo cities (data/districts.csv, drawn from the public list of divisions).
///
/// # Errors
///
/// When the embedded file is not CSV.
pub fn districts() -> anyhow::Result<Vec<District>> {
    let mut reader = csv::Reader::from_reader(include_str!("../../data/districts.csv").as_bytes());
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

/// One of a list.
pub fn one<'a, T>(rng: &mut StdRng, of: &'a [T]) -> &'a T {
    &of[rng.random_range(0..of.len())]
}

/// A person's name.
pub fn name(rng: &mut StdRng) -> String {
    format!("{}{}", one(rng, &SURNAMES), one(rng, &GIVEN))
}

/// A mobile number; `serial` keeps them apart.
pub fn phone(serial: u32) -> String {
    format!("+86199{:08}", 10_000_000 + serial)
}

/// An address in the district, within about two kilometres of its centre.
pub fn address(rng: &mut StdRng, district: &District) -> Address {
    let line = format!(
        "{}{}号{}{}栋{}单元{}",
        one(rng, &STREETS),
        rng.random_range(1..300),
        one(rng, &ESTATES),
        rng.random_range(1..25),
        rng.random_range(1..4),
        rng.random_range(1..30) * 100 + rng.random_range(1..5),
    );
    Address {
        province: district.province.clone(),
        city: district.city.clone(),
        district: district.district.clone(),
        line,
        division_code: district.division_code.clone(),
        position: Some(LatLng {
            latitude: round(district.latitude + rng.random_range(-0.02..0.02)),
            longitude: round(district.longitude + rng.random_range(-0.02..0.02)),
        }),
    }
}

/// Six decimals: ten centimetres.
fn round(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}
