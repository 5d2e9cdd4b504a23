#!/bin/sh
# Tries the Debian package on a machine of its own: makes a Debian from nothing, boots it with systemd,
# and says of each check `ok` or `FAILED`. Exit code 1 if one has failed.
#
#   packaging/try.sh tieout_0.1.0-1_amd64.deb
#
# Needs root, debootstrap, systemd-container, procps and python3; it takes two or three minutes. The
# machine has no network but its own loopback, lies in a temporary folder ($TMPDIR), and is gone
# afterwards. MIRROR and SUITE name another mirror and release than debootstrap's own, and stable.
set -eu
[ $# = 1 ] && [ -f "$1" ] || { echo "usage: $0 FILE.deb" >&2; exit 2; }
work=$(mktemp -d)
root=$work/debian nspawn='' listener='' leader='' failed=0
clean_up() {
    listen_no_more
    # The machine shuts down when nspawn is told to end.
    [ -z "$nspawn" ] || { kill "$nspawn" && wait "$nspawn"; } || true
    rm -rf --one-file-system "$work"
}
listen_no_more() {
    [ -z "$listener" ] || { kill "$listener" && wait "$listener"; } 2>/dev/null || true
    listener=
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Runs a command in the machine, with nothing of this shell's environment.
inside() {
    nsenter -t "$leader" -m -u -i -p -n -C env -i PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8 "$@"
}
# check WORDS COMMAND…: what it printed is shown where it failed.
check() {
    words=$1 && shift
    if "$@" >"$work/printed" 2>&1; then
        echo "ok      $words"
    else
        echo "FAILED  $words"
        tail -n 30 "$work/printed" | sed 's/^/        /'
        failed=1
    fi
}
is() { [ "$1" = "$2" ] || { printf 'found:  %s\nwanted: %s\n' "$1" "$2"; false; }; }
has() { printf '%s\n' "$1" | grep -qe "$2" || { printf 'found: %s\nwanted: %s\n' "$1" "$2"; false; }; }
lacks() { ! has "$1" "$2" >"$work/had" || { printf 'found: %s\n' "$2"; false; }; }
quiet() { is "$("$@" 2>&1 && echo "exit code 0")" "exit code 0"; }
of() { inside systemctl show -P "$2" "$1"; }

# --- the machine -----------------------------------------------------------------------------------
echo "Making a Debian, and booting it…"
# man-db, so that `systemd-analyze verify` finds the manual pages; the exporter, so that there is
# somebody who reads the figures.
debootstrap --variant=minbase --include=systemd-sysv,adduser,ca-certificates,man-db,prometheus-node-exporter \
    "${SUITE:-stable}" "$root" ${MIRROR:+"$MIRROR"} >"$work/debootstrap.log" 2>&1 ||
    { tail "$work/debootstrap.log"; exit 1; }
cp "$1" "$root/srv/first.deb"
# Where no systemd runs, as in most containers, there is nobody with whom a machine could be registered.
[ -d /run/systemd/system ] && alone= || alone="--register=no --keep-unit"
# shellcheck disable=SC2086 # two arguments
systemd-nspawn -q -b -D "$root" --machine="tieout-try-$$" --private-network --console=read-only $alone \
    </dev/null >"$work/boot.log" 2>&1 &
nspawn=$!
for _ in $(seq 60); do
    sleep 1
    leader=$(pgrep -P "$nspawn" -x systemd) && inside systemctl is-system-running --wait >"$work/booted" 2>&1 && break
done
check "a fresh Debian boots" is "$(cat "$work/booted")" running
[ $failed = 0 ] || { cat "$work/boot.log"; exit 1; }
# Other programs' files may come meanwhile: the cache of man, for one.
names() { inside find / -xdev \( -path /var/log -o -path /var/backups -o -path /var/cache \) -prune -o -print | sort; }
names >"$work/before"

# --- installing ------------------------------------------------------------------------------------
check "the package installs" inside dpkg -i /srv/first.deb
check "the timer is off at first" is "$(inside systemctl is-enabled tieout.timer)" disabled
check "systemd-analyze verify says nothing" quiet inside systemd-analyze verify tieout.service tieout.timer
# 2.0 is the end of what systemd calls OK.
check "systemd-analyze security: 2.0 at most" inside systemd-analyze security --no-pager --threshold=20 tieout.service

# --- a partner, and somebody who listens -----------------------------------------------------------
inside sh -eu -s <<'END'
cd /srv
tieout -q synth --rows 5000 --seed 7 --period 2026-10 --out demo --formats v1,v2
systemd-run -q --unit=sandbox tieout sandbox --data /srv/demo --port 8080
# What an operator does: edits both files, and puts the secrets down.
sed -i 's|^cloud = .*|&\nsandbox = "http://127.0.0.1:8080"|; s/^#\(\[[a-z]*\]\|[a-z]* = \)/\1/' /etc/tieout/nightly.toml
cat >/etc/default/tieout <<'FILE'
TIEOUT_TENANT=11111111-1111-1111-1111-111111111111
TIEOUT_CLIENT_ID=22222222-2222-2222-2222-222222222222
TIEOUT_FAIL_ON_BREAKS=new
TIEOUT_AS_OF=2026-11-20
FILE
umask 077
cd /etc/tieout/credentials
openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=try -keyout key -out certificate.pem 2>/dev/null
cat key >>certificate.pem
rm key
for name in webhook ping; do echo "http://127.0.0.1:9000/s3cret-$name" >$name; done
# As nightly.toml says.
$(sed -n 's/^# \(install -d .*node-exporter\)$/\1/p' /etc/tieout/nightly.toml)
# The timer as it is, but for its random delay. In /run: no part of what is looked for after the purge.
mkdir /run/systemd/system/tieout.timer.d
printf '[Timer]\nRandomizedDelaySec=0\n' >/run/systemd/system/tieout.timer.d/no-delay.conf
systemctl daemon-reload
sha256sum /etc/tieout/nightly.toml /etc/default/tieout >/srv/edited
END
# This machine's python in the other's network: the Debian has none. listen.py STATUS HEARD
cat >"$work/listen.py" <<'END'
import http.server, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        print(self.command, self.path, body.decode(), file=open(sys.argv[2], "a"), flush=True)
        self.send_response(int(sys.argv[1]))
        self.end_headers()
    do_POST = do_GET
http.server.HTTPServer(("127.0.0.1", 9000), Hook).serve_forever()
END
listen() {
    # No function: its process would not be python's, and python would outlive it.
    nsenter -t "$leader" -n python3 "$work/listen.py" "$1" "$work/heard" 2>>"$work/listen.log" &
    listener=$!
}

# --- nights ----------------------------------------------------------------------------------------
# Nobody ever starts the service here. The timer makes up for a night that the machine slept through
# (Persistent=true), as soon as it is started itself. Each night begins with nothing, so that each has
# everything to fetch and to publish.
begin_night() {
    : >"$work/heard"
    night_before=$(of tieout.service InvocationID)
    inside sh -c 'systemctl stop tieout.timer; systemctl reset-failed tieout.service 2>/dev/null
        rm -rf /var/lib/tieout/out /var/lib/tieout/state /var/lib/prometheus/node-exporter/tieout.prom
        touch -d "2 days ago" /var/lib/systemd/timers/stamp-tieout.timer
        systemctl -q enable --now tieout.timer'
    for _ in $(seq 30); do [ "$(of tieout.service InvocationID)" = "$night_before" ] && sleep 1 || break; done
}
# Waits for its end; what came of it is in $ended, $journal and $heard.
end_night() {
    for _ in $(seq 120); do
        case $(of tieout.service ActiveState) in inactive | failed) break ;; esac
        sleep 1
    done
    invocation=$(of tieout.service InvocationID)
    ended="$(of tieout.service Result) $(of tieout.service ExecMainStatus)"
    [ "$invocation" != "$night_before" ] || ended="the timer did not fire"
    inside journalctl --sync
    journal=$(inside journalctl -o cat "_SYSTEMD_INVOCATION_ID=$invocation")
    heard=$(cat "$work/heard")
}
# Every byte that was published.
published() { inside sh -c 'cd -P /var/lib/tieout/out/current && pwd && find . -type f | sort | xargs sha256sum' || true; }
metrics() {
    nsenter -t "$leader" -n python3 -c 'from http.client import HTTPConnection; c = HTTPConnection("127.0.0.1", 9100)
c.request("GET", "/metrics"); print(c.getresponse().read().decode())' | grep '^tieout_' || true
}

listen 200
begin_night
end_night
check "the timer fires by itself, and the night ends well, with breaks" is "$ended" "success 10"
check "the next night is at 04:15" has "$(of tieout.timer NextElapseUSecRealtime)" " 04:15:00 "
published >"$work/published"
check "a run is published" grep -q ' ./manifest.json$' "$work/published"
check "Prometheus' node exporter shows its figures" has "$(metrics)" '^tieout_last_run_exit_code{.*period="2026-10".*} 10$'
check "the webhook was told" has "$heard" '^POST /s3cret-webhook {.*44 new'
check "the dead man's switch was told" has "$heard" '^GET /s3cret-ping $'
check "and nobody else" is "$(printf '%s\n' "$heard" | wc -l)" 2
check "no secret in journal, data and figures" lacks \
    "$journal $(metrics) $(inside grep -rl s3cret /var/lib/tieout /var/lib/prometheus || true)" s3cret

for answer in 500 none; do
    listen_no_more
    [ $answer = none ] || listen $answer
    begin_night
    end_night
    check "hooks answer $answer: the night ends as before" is "$ended" "success 10"
    check "hooks answer $answer: the same bytes are published" is "$(published)" "$(cat "$work/published")"
    check "hooks answer $answer: a warning says so" has "$journal" '^warning: not told: .*\(ping.*webhook\|webhook.*ping\)'
done

# --- secrets, and an upgrade in the middle of a night ----------------------------------------------
# A later package, with another nightly.toml and another time.
inside sh -euc 'cd /srv; dpkg-deb -R first.deb later
    sed -i "s/^Version: .*/&+later/" later/DEBIAN/control
    echo "# of the later package" >>later/etc/tieout/nightly.toml
    sed -i s/04:15:00/05:15:00/ later/usr/lib/systemd/system/tieout.timer
    dpkg-deb -Znone -b later later.deb' >"$work/later.log"
listen 200
inside systemctl kill -s STOP sandbox # the night waits for an answer
begin_night
night=$(of tieout.service InvocationID)
sleep 2
check "the secrets are the service's alone" inside sh -euc '
    cd /run/credentials/tieout.service
    can_read() { setpriv --reuid="$1" --regid="$1" --clear-groups cat "$2" >/dev/null 2>&1; }
    can_read tieout secret_certificate.pem
    ! can_read nobody secret_certificate.pem
    ! can_read tieout /etc/tieout/credentials/certificate.pem
    ! grep -qz s3cret "/proc/$(systemctl show -P MainPID tieout.service)/environ"'
check "an upgrade does not wait for the night to end" inside timeout 60 dpkg --force-confold -i /srv/later.deb
inside systemctl kill -s CONT sandbox
end_night
check "nor does it end the night" is "$invocation $ended $(published)" "$night success 10 $(cat "$work/published")"
check "an upgrade keeps edited conffiles" inside sha256sum --check /srv/edited
check "and lays the new one beside" inside grep -q "later package" /etc/tieout/nightly.toml.dpkg-dist
check "the timer goes on, at its new time" has \
    "$(inside systemctl is-enabled tieout.timer) $(of tieout.timer NextElapseUSecRealtime)" "enabled .* 05:15:00 "

# --- removing, in the middle of a night, and purging -----------------------------------------------
check "the secrets are gone with the night" inside test ! -e /run/credentials/tieout.service
inside systemctl kill -s STOP sandbox
begin_night
check "the package is removed in the middle of a night" inside dpkg -r tieout
inside systemctl kill -s KILL sandbox
check "nothing of it runs, or has failed" is \
    "$(inside systemctl list-units --no-legend --state=active,activating,failed 'tieout*')" ""
check "settings stay until the purge" inside sha256sum --check /srv/edited
check "the package is purged" inside dpkg -P tieout
inside rm -r /srv/demo /srv/first.deb /srv/later /srv/later.deb /srv/edited
names >"$work/after"
litter=$(comm -13 "$work/before" "$work/after" | grep -v '^/var/lib/tieout\(/\|$\)' | tr '\n' ' ')
c=/etc/tieout/credentials
check "nothing is left but data, and secrets that somebody put there" is "$litter" \
    "/etc/tieout $c $c/certificate.pem $c/ping $c/webhook "
check "the data have their owner still" is "$(inside stat -c %U:%G /var/lib/tieout)" tieout:tieout
exit $failed
