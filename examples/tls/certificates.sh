#!/bin/sh
# Creates an authority, the server's certificate for an address, and a certificate for each caller:
#
#     ./certificates.sh FOLDER ADDRESS NAME…
set -eu
folder=$1 address=$2
shift 2
mkdir -p "$folder"
cd "$folder"
umask 077

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# sign KEY SUBJECT EXTENSIONS CERTIFICATE
sign() {
    printf '%s\n' "$3" > extensions
    openssl req -new -key "$1" -subj "/CN=$2" -out request
    openssl x509 -req -in request -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 -extfile extensions -out "$4"
    rm extensions request
}

if [ ! -e ca.pem ]; then
    key ca-key.pem
    openssl req -x509 -new -key ca-key.pem -days 3650 -subj "/CN=hostward's callers" -out ca.pem
fi
key server-key.pem
sign server-key.pem hostward "subjectAltName=IP:$address
extendedKeyUsage=serverAuth" server.pem

# A folder for each caller, as DOCKER_CERT_PATH expects it.
for name; do
    mkdir -p "$name"
    key "$name/key.pem"
    sign "$name/key.pem" "$name" "extendedKeyUsage=clientAuth" "$name/cert.pem"
    cp ca.pem "$name/ca.pem"
done
