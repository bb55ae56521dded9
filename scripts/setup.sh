#!/bin/sh
# Brings what Earshot needs from package registries: Debian packages, libchdb
# (npm) and the web assets (npm). Quick when nothing is to do.
#   scripts/setup.sh run   what the demo and the server need
#   scripts/setup.sh all   that, and what the tests need
#   scripts/setup.sh assets   the web assets alone, to build the binary
set -eu
cd "$(dirname "$0")/.."

want=${1:-all}
case "$want" in run | all | assets) ;; *)
	echo "usage: scripts/setup.sh run|all|assets" >&2
	exit 2
	;;
esac

missing=""
need() { # need PACKAGE TEST...: the Debian package, and the command that succeeds when it is there
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}
library() { ls /usr/lib/*/"$1" /usr/lib/"$1" /usr/local/lib/"$1" 2>/dev/null | grep -q .; }
font() { ls /usr/share/fonts/opentype/noto/*CJK* 2>/dev/null | grep -q .; }

if [ "$want" != assets ]; then
	need libpocketsphinx3 library libpocketsphinx.so.3
	need pocketsphinx-en-us test -f /usr/share/pocketsphinx/model/en-us/en-us.lm.bin
	need flite command -v flite
fi
if [ "$want" = all ]; then
	need curl command -v curl
	need sip-tester command -v sipp
	need espeak-ng command -v espeak-ng
	need chromium command -v chromium
	need fonts-noto-cjk font
fi

if [ -n "$missing" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "setup: installing$missing"
		mkdir -p .earshot
		log=.earshot/apt.log
		if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
			tail -n 20 "$log" >&2
			echo "setup: apt-get could not install$missing; the whole output is in $log" >&2
			exit 1
		fi
	else
		cat >&2 <<MSG
setup: these Debian packages are missing and installing them needs root:$missing
Run this, then try again:

    sudo apt-get update
    sudo apt-get install -y --no-install-recommends$missing

MSG
		exit 1
	fi
fi

for tool in go npm; do
	command -v $tool >/dev/null || {
		echo "setup: $tool is missing; Earshot needs Go 1.26 or newer and Node.js 18 or newer with npm" >&2
		exit 1
	}
done

# modules FOLDER: npm ci when the lock file is newer than what was installed.
modules() {
	if [ ! -f "$1/node_modules/.package-lock.json" ] || [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]; then
		echo "setup: $2"
		(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
		touch "$1/node_modules/.package-lock.json"
	fi
}

if [ "$want" != assets ]; then
	modules internal/embedded "getting libchdb, the embedded ClickHouse engine (180 MB)"
	if ! ls internal/embedded/node_modules/@chdb/*/libchdb.so >/dev/null 2>&1; then
		echo "setup: there is no libchdb for this platform ($(uname -sm)); use a ClickHouse server: set clickhouse.addr" >&2
		[ "$want" = run ] || exit 1
	fi
fi
modules dashboards/web "getting the workbench's libraries"

web=dashboards/web
if [ ! -f $web/dist/manifest.json ] || [ -n "$(find $web/src $web/build.mjs $web/package-lock.json -newer $web/dist/manifest.json -type f | head -n 1)" ]; then
	echo "setup: building the workbench's assets"
	(cd $web && npm run --silent build)
fi
