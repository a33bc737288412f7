//! The parts-inventory binary.

fn main() -> std::process::ExitCode {
    common::run::<parts_inventory::PartsInventory>()
}
