//! For a plugin's build script: `fn main() { gantry_sdk::build::plugin("plugin.json"); }`.
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Reads the manifest, adds the toolchain that builds, and leaves it where
/// [`crate::export_plugin!`] takes it from; and has the linker leave no symbol unresolved. Ends the
/// build, with the reason, when the manifest lacks something that a host asks for.
pub fn plugin(manifest: &str) {
    let folder = variable("CARGO_MANIFEST_DIR");
    let file = Path::new(&folder).join(manifest);
    println!("cargo:rerun-if-changed={}", file.display());
    let json =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {}", file.display(), error));
    let json = with_toolchain(&json, &compiler())
        .unwrap_or_else(|why| panic!("{}: {}", file.display(), why));
    let out = Path::new(&variable("OUT_DIR")).join("gantry_manifest.json");
    fs::write(&out, json).unwrap_or_else(|error| panic!("{}: {}", out.display(), error));
    for argument in ["-z,defs", "-Bsymbolic-functions", "--build-id=sha1"] {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{}", argument);
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{} is not set: this is for a build script", name))
}

// As "rustc 1.63.0".
fn compiler() -> String {
    let output = Command::new(variable("RUSTC")).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let words: Vec<String> =
        text.unwrap_or_default().split(' ').map(|word| word.trim().into()).collect();
    match words.as_slice() {
        [name, version, ..] => format!("{} {}", name, version),
        _ => String::from("rustc"),
    }
}

// The host reads the whole of it; what is looked at here is only what a build would otherwise forget.
fn with_toolchain(json: &str, compiler: &str) -> Result<String, String> {
    for key in ["id", "name", "version", "kind", "interfaces", "licence", "parameters"] {
        if !json.contains(&format!("\"{}\"", key)) {
            return Err(format!("the manifest has no \"{}\"", key));
        }
    }
    if json.contains("\"toolchain\"") {
        return Err(String::from(
            "the manifest has a \"toolchain\", which is the build's to write",
        ));
    }
    let end = json.trim_end().strip_suffix('}').ok_or("the manifest is no JSON object")?;
    Ok(format!(
        "{},\n  \"toolchain\": {{\"compiler\": \"{}\", \"stdlib\": \"std\", \"sdk\": \"{}\"}}\n}}\n",
        end.trim_end(),
        compiler,
        env!("CARGO_PKG_VERSION")
    ))
}

#[cfg(test)]
mod tests {
    use super::with_toolchain;

    const WHOLE: &str = r#"{"id": "a.b", "name": "b", "version": "0.1.0", "kind": "dex",
        "interfaces": ["gantry.dex/1"], "licence": "MIT", "parameters": []}"#;

    #[test]
    fn the_toolchain_is_added_to_a_manifest() {
        let json = with_toolchain(WHOLE, "rustc 1.63.0").unwrap();
        assert!(json.ends_with("\"sdk\": \"0.1.0\"}\n}\n"), "{}", json);
        assert!(json.contains("[],\n  \"toolchain\": {\"compiler\": \"rustc 1.63.0\""), "{}", json);
    }

    #[test]
    fn a_manifest_without_something_is_refused_by_its_name() {
        for key in ["id", "interfaces", "licence", "parameters"] {
            let json = WHOLE.replace(&format!("\"{}\"", key), "\"other\"");
            assert!(with_toolchain(&json, "rustc").unwrap_err().contains(key));
        }
        assert!(with_toolchain(&WHOLE.replace('}', ""), "rustc").is_err());
    }
}
