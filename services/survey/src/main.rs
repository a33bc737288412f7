//! The survey binary.

fn main() -> std::process::ExitCode {
    common::run::<survey::Survey>()
}
