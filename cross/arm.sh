# What `try-arm` and `try-pages` share: tools for ARM64, by package name, and where things lie. Sourced, not run, with
# the root of the repository as the working directory.

target=aarch64-unknown-linux-gnu
built=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# What is not cargo's: QEMU, kernels, disks.
work=$built/arm
# The C library and its companions for ARM64, as Debian's cross compiler brings them.
sysroot=/usr/aarch64-linux-gnu
# The processor to be. This one has what a Jetson Orin's has: dot products and float16, and nothing later.
cpu=${TRY_CPU:-cortex-a76}

# As cargo and the crates of C code read them; the tests of the C ABI read the compilers too.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
export AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
export CARGO_INCREMENTAL=0
# How many cases a property is held against, where its test does not say. Emulation is slow.
export PROPTEST_CASES=32

step() {
    local begin=$SECONDS
    printf '\n== %s\n' "$*"
    "$@"
    printf '== done in %d s: %s\n' "$((SECONDS - begin))" "$*"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs Debian packages that are missing.
packages() {
    if ! dpkg --status "$@" > /dev/null 2>&1; then
        as_root apt-get update -q
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
    fi
}

# Compilers for this machine, whose build scripts run here, and for the target; and QEMU.
tools() {
    packages gcc libc6-dev python3-pip gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross "$@"
    rustup target add "$target"
    # Before 10 it crashes while it loads ONNX Runtime.
    local qemu=qemu-aarch64 version
    version=$({ "$qemu" --version || true; } 2> /dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
    if [ "${version:-0}" -lt 10 ]; then
        cross/unpack trixie "$(dpkg --print-architecture)" qemu-user "$work/qemu-user"
        qemu=$work/qemu-user/usr/bin/qemu-aarch64
    fi
    "$qemu" --version | head -n 1
    # Cargo runs tests with it, and tests the program.
    emulated=("$qemu" -L "$sysroot" -cpu "$cpu")
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="${emulated[*]}"
}

tests() {
    cargo test --release --target "$target" --lib --bins --test wayside "$@"
}
