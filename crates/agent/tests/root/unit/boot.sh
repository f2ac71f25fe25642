# Becomes a systemd that has nothing to start but the agent and who asks it, in namespaces of its own.
# Arguments: a control group to be at home in, the program, the folder with the unit and the settings, and one for what is
# found.
set -e
group=$1 program=$2 packaging=$3 found=$4
if [ $$ != 1 ]; then
    echo $$ > "$group/cgroup.procs"
    exec timeout --signal KILL 120 \
        unshare --kill-child --pid --fork --mount --uts --ipc --cgroup --net --mount-proc sh "$0" "$@"
fi
mount --make-rprivate /
ip link set lo up
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
mkdir -p /run/bin /run/etc /run/units/meshtax-agent.service.d
touch /run/bin/meshtax
mount --bind "$program" /run/bin/meshtax
cp "$packaging/agent.yaml" /run/etc
cd /run/units
sed 's|/usr/local/bin|/run/bin|; s|/etc/meshtax|/run/etc|' "$packaging/meshtax-agent.service" > meshtax-agent.service
for target in sysinit basic shutdown umount final network-online; do
    printf '[Unit]\nDefaultDependencies=no\n' > $target.target
done
printf '[Unit]\nWants=meshtax-agent.service ask.service\n' > default.target
printf '[Service]\nStandardOutput=append:/run/said\nStandardError=append:/run/said\n' > meshtax-agent.service.d/said.conf
cat > ask.service <<END
[Unit]
After=meshtax-agent.service
[Service]
ExecStart=/bin/sh /run/ask.sh
StandardOutput=file:$found/answer
StandardError=file:$found/answer
END
cat > /run/ask.sh <<'END'
said() {
    for _ in $(seq 200); do
        grep -q "$1" /run/said && return
        sleep 0.1
    done
    echo "it never said: $1"
}
said 'metrics at'
systemctl show --property ActiveState meshtax-agent.service
curl --silent --max-time 20 http://127.0.0.1:9435/metrics | grep '^istio_tcp_connections_opened_total' | head -1
grep -E '^(CapEff|CapPrm|NoNewPrivs|Seccomp):' /proc/"$(systemctl show --property MainPID --value meshtax-agent.service)"/status
systemctl reload meshtax-agent.service
said 'read again'
systemctl stop meshtax-agent.service
systemctl show --property Result,ExecMainStatus meshtax-agent.service
cat /run/said
systemctl poweroff --force --force
END
SYSTEMD_UNIT_PATH=/run/units SYSTEMD_LOG_TARGET=console container=test exec /lib/systemd/systemd --system > "$found/console" 2>&1
