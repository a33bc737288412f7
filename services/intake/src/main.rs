//! The intake binary.

fn main() -> std::process::ExitCode {
    common::run::<intake::Intake>()
}
