# Invokes a function without any option, and with the path of the host that SAM has an option for.
set -e
cp -R /opt/jobs/sam/hello /opt/jobs/sam/template.yaml .
# No registry and no internet here.
export SAM_SKIP_PULL_IMAGE=true SAM_CLI_TELEMETRY=0
for options in "" "--docker-volume-basedir=$1"; do
    # By the engine's own socket its words get lost now and then. By Hostward's that is no excuse, and so it is told.
    for attempt in 1 2 3; do
        sam local invoke $options > /tmp/out 2> /tmp/log
        grep -q 'files\|Runtime\.' /tmp/out /tmp/log && break
        echo 'nothing was said'
    done
    # It ends well, too, when nothing came of it.
    grep files /tmp/out || { cat /tmp/out /tmp/log; exit 1; }
done
