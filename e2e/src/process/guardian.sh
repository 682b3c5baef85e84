# Told by its parent, line by line, which processes (p), directories (d), cgroups (c) and network
# interfaces (i) are alive (+) or gone (-).
# Its input ends when the parent is gone, however that came: then nothing of it stays behind.
set -f
trap '' HUP INT TERM
IFS='
'
processes=
directories=
cgroups=
interfaces=
without() {
    gone=$1
    shift
    for each; do
        [ "$each" = "$gone" ] || printf '%s\n' "$each"
    done
}
while read -r line; do
    subject=${line#??}
    case $line in
    +p*) processes="$processes$IFS$subject" ;;
    -p*) processes=$(without "$subject" $processes) ;;
    +d*) directories="$directories$IFS$subject" ;;
    -d*) directories=$(without "$subject" $directories) ;;
    +c*) cgroups="$cgroups$IFS$subject" ;;
    -c*) cgroups=$(without "$subject" $cgroups) ;;
    +i*) interfaces="$interfaces$IFS$subject" ;;
    -i*) interfaces=$(without "$subject" $interfaces) ;;
    esac
done
[ -z "$processes" ] || kill -KILL $processes 2>/dev/null
# A namespace lives on, with its interfaces, until the connections of its dead processes have timed out.
for interface in $interfaces; do
    ip link delete "$interface" 2>/dev/null
done
[ -z "$directories" ] || rm -rf -- $directories || { sleep 1; rm -rf -- $directories; }
# A cgroup can go once its last process has: containers die a moment after their parent.
for cgroup in $cgroups; do
    tries=0
    while [ "$tries" -lt 50 ] && [ -n "$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$cgroup" 2>/dev/null)" ]; do
        find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null
        tries=$((tries + 1))
        sleep 0.2
    done
done
