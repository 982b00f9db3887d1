# Sorts a file: with the tool's own folders in the container alone, and where they have been put to be seen on the host.
set -e
printf '%s\n' second first > lines.txt
mkdir tmp
for options in "" "--tmpdir-prefix=$PWD/tmp/ --tmp-outdir-prefix=$PWD/tmp/"; do
    cwltool $options /opt/jobs/cwltool/sort.cwl --lines lines.txt > /tmp/log 2>&1 || { cat /tmp/log; exit 1; }
    cat sorted.txt
    rm sorted.txt
done
