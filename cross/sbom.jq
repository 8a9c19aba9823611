# The bill of materials, as CycloneDX JSON, out of `cargo metadata`.
#
# $linked: the crates that are linked, as NAME@VERSION. $parts: what `wayside models pull --json` told. $target, $rust:
# the machine, and the version of the compiler and its standard library. $lmdb, $sqlite: versions of the C code that two
# crates bring. No date and no random number: the same build has the same bill.

def crate: "\(.name)@\(.version)";
def purl: "pkg:cargo/\(.name)@\(.version)";
# Older crates write MIT/Apache-2.0 for a choice.
def license: [{ expression: ((.license // "LicenseRef-see-text") | gsub("\\s*/\\s*"; " OR ")) }];

. as $metadata
| [.packages[] | select(crate as $id | $linked | index($id))] as $crates
| ($crates | map({ (.id): purl }) | add) as $purls
# The C code in them, by the names under which its weaknesses are published.
| [
    { name: "lmdb", version: $lmdb, crate: "lmdb-master-sys", license: "OLDAP-2.8" },
    { name: "sqlite", version: $sqlite, crate: "libsqlite3-sys", license: "blessing" }
    | .purl = "pkg:generic/\(.name)@\(.version)"
    | .crate as $crate | .holder = ([$crates[] | select(.name == $crate) | purl][0]) | select(.holder)
] as $code
| $crates[] | select(.source == null)
| . as $root
| {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
        component: {
            "bom-ref": purl, type: "application", name, version, description, purl: purl, licenses: license,
            properties: [{ name: "target", value: $target }]
        }
    },
    components: (
        [$crates[] | select(.source) | {
            "bom-ref": purl, type: "library", name, version, purl: purl, licenses: license, scope: "required"
        }]
        + [$code[] | {
            "bom-ref": .purl, type: "library", name, version, purl, licenses: [{ expression: .license }],
            scope: "required"
        }]
        + [{
            "bom-ref": "rust-std@\($rust)", type: "library", name: "rust-std", version: $rust, scope: "required",
            licenses: [{ expression: "MIT OR Apache-2.0" }]
        }]
        + [$parts[0][] | {
            "bom-ref": "pkg:pypi/\(.package)@\(.version)", type: (if .kind == "runtime" then "library" else
                "machine-learning-model" end), name, version, description, purl: "pkg:pypi/\(.package)@\(.version)",
            licenses: [{ expression: .license }], hashes: [{ alg: "SHA-256", content: .sha256 }], scope: "required"
        }]
    ),
    dependencies: (
        [$metadata.resolve.nodes[] | select($purls[.id]) | {
            ref: $purls[.id],
            dependsOn: ([.deps[] | select(any(.dep_kinds[]; .kind == null)) | $purls[.pkg] // empty] | unique)
        }]
        | map(.ref as $ref | .dependsOn += [$code[] | select(.holder == $ref) | .purl])
        | map(if .ref == ($root | purl)
            then .dependsOn += ["rust-std@\($rust)"] + [$parts[0][] | "pkg:pypi/\(.package)@\(.version)"] else . end)
    )
}
