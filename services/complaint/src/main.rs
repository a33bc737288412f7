//! The complaint binary.

fn main() -> std::process::ExitCode {
    common::run::run::<complaint::Complaint>()
}
