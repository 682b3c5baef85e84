# Told by its parent, line by line, which processes (p) and directories (d) are alive (+) or gone (-).
# Its input ends when the parent is gone, however that came: then nothing of it stays behind.
set -f
trap '' HUP INT TERM
IFS='
'
processes=
directories=
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
    esac
done
[ -z "$processes" ] || kill -KILL $processes 2>/dev/null
[ -z "$directories" ] || rm -rf -- $directories || { sleep 1; rm -rf -- $directories; }
