//! Compiles `proto/` with protox: no protoc needed, nothing generated in git.

use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir("proto/vend/v1")?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let descriptors = protox::compile(&files, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("vend.v1.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().codec_path("crate::pb::codec::Bounded").compile_fds(descriptors)?;
    Ok(())
}
