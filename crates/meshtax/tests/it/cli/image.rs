//! The image of the release, with any program in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs a program that must succeed. Returns what it printed.
fn printed(program: impl AsRef<Path>, arguments: &[&str]) -> String {
    let output = Command::new(program.as_ref()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_image_has_what_its_digests_say_and_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("program"), "not really one").unwrap();
    fs::write(place("authorities"), "neither").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/image");
    let make = |out: &str, created: &str| {
        let (program, authorities, out) = (place("program"), place("authorities"), place(out));
        let arguments = ["--name", "meshtax:9.8.7", "--revision", "0badcafe", "--created", created];
        printed(
            script,
            &[&[text(&program), text(&out), "--certificates", text(&authorities)], &arguments[..]].concat(),
        );
        fs::read(out).unwrap()
    };
    assert_eq!(make("one.tar", "1700000000"), make("two.tar", "1700000000"));
    assert_ne!(make("one.tar", "1700000000"), make("two.tar", "1700000001"));

    let layout = place("layout");
    fs::create_dir(&layout).unwrap();
    printed("tar", &["--extract", "--file", text(&place("one.tar")), "--directory", text(&layout)]);
    let read = |name: &str| -> Value { serde_json::from_slice(&fs::read(layout.join(name)).unwrap()).unwrap() };
    let blob = |described: &Value| -> String {
        let digest = described["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned();
        let name = format!("blobs/sha256/{digest}");
        assert!(printed("sha256sum", &[text(&layout.join(&name))]).starts_with(&digest));
        assert_eq!(fs::metadata(layout.join(&name)).unwrap().len(), described["size"].as_u64().unwrap());
        name
    };
    let described = read("index.json")["manifests"][0].clone();
    assert_eq!(described["annotations"]["io.containerd.image.name"], "docker.io/library/meshtax:9.8.7");
    let manifest = read(&blob(&described));
    let (config, files) = (blob(&manifest["config"]), blob(&manifest["layers"][0]));
    let docker = read("manifest.json");
    assert_eq!((&docker[0]["Config"], &docker[0]["Layers"][0]), (&config.clone().into(), &files.clone().into()));
    assert_eq!(docker[0]["RepoTags"][0], "meshtax:9.8.7");
    let config = read(&config);
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.revision"], "0badcafe");
    let listed = printed("tar", &["--list", "--verbose", "--file", text(&layout.join(files))]);
    assert!(listed.lines().all(|line| line.contains(" 0/0 ") || line.contains("root/root")), "{listed}");
    assert!(listed.lines().any(|line| line.starts_with("-rwxr-xr-x") && line.ends_with(" meshtax")), "{listed}");
    assert!(listed.contains("etc/ssl/certs/ca-certificates.crt"), "{listed}");
}
