set -eu
# What had these addresses ended a moment ago, and is about to go.
ip -oneline address show to "$NEAR/32" | while read -r _ stale _; do
    ip link delete "$stale" 2>/dev/null || true
done
ip link add "$INTERFACE" type veth peer name eth0 netns "$KEEPER"
ip address add "$NEAR/30" dev "$INTERFACE"
ip link set "$INTERFACE" up
nsenter --target "$KEEPER" --net --mount sh -eu <<'INSIDE'
ip link set lo up
ip address add "$NODE/30" dev eth0
ip link set eth0 up
# No default route: nothing gets out. Services need a route to be looked at at all.
ip route add "$SERVICES" via "$NEAR"
echo 1 > /proc/sys/net/ipv4/ip_forward
# What a node's programs write to, wherever the machine keeps its own.
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind "$STATE" /var/lib
mount --bind "$LOGS" /var/log
# Volumes the kubelet mounts are seen by containerd, which has a mount namespace below this one.
mount --make-rshared /
INSIDE
ip route add "$PODS" via "$NODE"
ip route add "$SERVICES" via "$NODE"
