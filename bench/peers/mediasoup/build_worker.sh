#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build_worker.sh - mediasoup's worker program, from the sources in its npm package and the distribution's libraries.
#
# The npm package wants to fetch a finished program, or the sources of eight libraries, from elsewhere; this needs neither. Differences from
# the program that mediasoup publishes are in ../README.md. Takes some minutes; leaves build/peers/mediasoup-worker, which the
# adapter finds. Needs the packages of group peer-mediasoup (tools/packages.txt).
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(readlink -f "$here/../../..")
out=$root/build/peers
jobs=${JOBS:-$(nproc)}

# The distribution's libsrtp uses NSS, which is slow at this; mediasoup's uses OpenSSL. So: the distribution's source, with OpenSSL.
build_srtp() {
    local work=$out/srtp-source apt=$out/apt
    [[ -f $out/srtp/lib/libsrtp2.a ]] && return
    rm -rf "$work"
    mkdir -p "$work" "$apt/lists/partial"
    # A list of our own, so that the system's stays as it is.
    sed -n 's/^URIs: *//p; s/^deb .*\(http[^ ]*\).*/\1/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1 |
        sed "s|.*|deb-src & $(. /etc/os-release && echo "$VERSION_CODENAME") main|" >"$apt/source.list"
    local options=(-q -o "Dir::Etc::sourcelist=$apt/source.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists")
    (
        cd "$work"
        apt-get "${options[@]}" update
        apt-get "${options[@]}" source --download-only libsrtp2
        tar xzf libsrtp2_*.orig.tar.gz --strip-components 1
        ./configure --enable-openssl --prefix="$out/srtp" CFLAGS="-O3 -fPIC"
        make -j "$jobs" libsrtp2.a
        make install
    )
}

cd "$here/.."
[[ -d node_modules/mediasoup ]] || npm ci --ignore-scripts --no-fund --no-audit
build_srtp
cmake -S "$here/worker" -B "$out/mediasoup" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DWORKER="$here/../node_modules/mediasoup/worker" -DSRTP_PREFIX="$out/srtp"
cmake --build "$out/mediasoup" -j "$jobs"
cp "$out/mediasoup/mediasoup-worker" "$out/mediasoup-worker.new"
mv -f "$out/mediasoup-worker.new" "$out/mediasoup-worker"
echo "$out/mediasoup-worker"
