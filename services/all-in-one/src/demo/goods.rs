//! What the demo brand sells and what it is repaired with.

/// A model the brand sells.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Model number.
    pub model: &'static str,
    /// Category code.
    pub category: &'static str,
    /// Skill that its repair asks for.
    pub fault_codes: [&'static str; 2],
    /// What a customer would say of it.
    pub complaint: &'static str,
    /// Parts that go with it.
    pub parts: [&'static str; 2],
}

/// A spare part of the demo catalogue: SKU, name, price in fen, whether the old one must come back.
pub const PARTS: [(&str, &str, i64, bool); 16] = [
    ("LT-LED-36W", "LED 灯板 36W", 6_800, false),
    ("LT-DRV-36W", "LED 驱动电源 36W", 4_500, true),
    ("WM-PUMP-02", "洗衣机排水泵", 8_900, true),
    ("WM-BELT-10", "洗衣机皮带", 2_300, false),
    ("RF-THERM-1", "冰箱温控器", 7_600, true),
    ("RF-SEAL-55", "冰箱门封条", 9_800, false),
    ("AC-CAP-35U", "空调启动电容 35uF", 3_200, false),
    ("AC-BOARD-3", "空调主控板", 32_000, true),
    ("RH-MOTOR-8", "油烟机电机", 26_000, true),
    ("RH-FILT-22", "油烟机滤网", 4_200, false),
    ("GH-VALVE-4", "燃气阀总成", 18_500, true),
    ("CB-HINGE-A", "橱柜阻尼铰链", 1_500, false),
    ("CB-RAIL-50", "抽屉滑轨 50cm", 3_600, false),
    ("CT-MOTOR-6", "电动窗帘电机", 21_000, true),
    ("CT-RAIL-3M", "窗帘轨道 3m", 8_800, false),
    ("EL-REMOTE", "遥控器", 3_900, false),
];

/// The models.
pub const MODELS: [Model; 8] = [
    Model {
        model: "LX-C600",
        category: "lighting.ceiling",
        fault_codes: ["LT01", "LT02"],
        complaint: "客厅吸顶灯不亮，有时闪烁",
        parts: ["LT-LED-36W", "LT-DRV-36W"],
    },
    Model {
        model: "WM-80S",
        category: "appliance.washer",
        fault_codes: ["WM01", "WM03"],
        complaint: "洗衣机不排水，报警",
        parts: ["WM-PUMP-02", "WM-BELT-10"],
    },
    Model {
        model: "RF-450W",
        category: "appliance.fridge",
        fault_codes: ["RF01", "RF02"],
        complaint: "冰箱冷藏室不制冷",
        parts: ["RF-THERM-1", "RF-SEAL-55"],
    },
    Model {
        model: "AC-35G",
        category: "appliance.aircon",
        fault_codes: ["AC01", "AC04"],
        complaint: "空调开机不制冷，室外机不转",
        parts: ["AC-CAP-35U", "AC-BOARD-3"],
    },
    Model {
        model: "RH-900",
        category: "appliance.hood",
        fault_codes: ["RH01", "RH02"],
        complaint: "油烟机噪音大，吸力小",
        parts: ["RH-MOTOR-8", "RH-FILT-22"],
    },
    Model {
        model: "GH-16L",
        category: "appliance.gas",
        fault_codes: ["GH01", "GH02"],
        complaint: "燃气热水器打不着火",
        parts: ["GH-VALVE-4", "EL-REMOTE"],
    },
    Model {
        model: "CB-K3",
        category: "cabinet.kitchen",
        fault_codes: ["CB01", "CB02"],
        complaint: "橱柜门下垂，关不上",
        parts: ["CB-HINGE-A", "CB-RAIL-50"],
    },
    Model {
        model: "CT-E6",
        category: "curtain.motor",
        fault_codes: ["CT01", "CT02"],
        complaint: "电动窗帘走到一半停住",
        parts: ["CT-MOTOR-6", "CT-RAIL-3M"],
    },
];

/// Every skill that the models need.
pub const SKILLS: [&str; 5] = ["lighting", "appliance", "gas_appliance", "cabinet", "curtain"];
