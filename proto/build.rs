//! Turns the `.proto` files into Rust without a `protoc` on the machine, and refuses a contract with holes:
//! an RPC without an access rule or without an HTTP mapping fails the build here.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use prost_reflect::DescriptorPool;

#[path = "build/access.rs"]
mod access;
#[path = "build/contract.rs"]
mod contract;
#[path = "build/mask.rs"]
mod mask;
#[path = "build/requests.rs"]
mod requests;
#[path = "build/rules.rs"]
mod rules;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(Path::new("aftercare"), &mut files)?;
    // The error details travel inside `Status`; REST clients get them as JSON, so the pool must know them.
    files.push("google/rpc/error_details.proto".into());
    files.push("google/rpc/status.proto".into());
    files.sort();
    for dir in ["aftercare", "google", "buf", "build", "build.rs"] {
        println!("cargo:rerun-if-changed={dir}");
    }

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    let bytes = compiler.encode_file_descriptor_set();
    fs::write(out.join("aftercare.binpb"), &bytes)?;

    let pool = DescriptorPool::decode(bytes.as_slice())?;
    contract::check(&pool)?;
    fs::write(out.join("access.rs"), access::generate(&pool)?)?;
    fs::write(out.join("mask.rs"), mask::generate(&pool)?)?;
    fs::write(out.join("requests.rs"), requests::generate(&pool))?;
    fs::write(out.join("rules.rs"), rules::generate(&pool)?)?;

    let mut config = prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure().compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
