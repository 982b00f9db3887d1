//! Queries that name files, and queries that only look so.

use super::*;

fn check(line: &str) -> Result<(), QueryError> {
    let (method, target) = line.split_once(' ').unwrap();
    assert!(queries(method.as_bytes(), target.as_bytes()), "{line}");
    check_query(method.as_bytes(), target.as_bytes())
}

#[test]
fn what_dockers_clients_say_is_let_through() {
    for line in [
        "POST /v1.41/build?buildargs=%7B%7D&cachefrom=%5B%22a%2Fb%22%5D&cgroupparent=&cpusetcpus=&dockerfile=Dockerfile&labels=%7B%7D\
         &networkmode=default&q=1&rm=1&securityopt=null&shmsize=0&t=a%2Fb%3Ac&target=&ulimits=null&version=1",
        "POST /build?dockerfile=sub%2FDockerfile.dev&remote=https%3A%2F%2Fgithub.com%2Fa%2Fb.git%23main",
        "POST /build?remote=git@github.com:a/b.git&dockerfile=%5B%22Containerfile%22%5D",
        "POST /build?securityopt=%5B%22seccomp%3Dunconfined%22%5D&t=localhost:5000/a&networkmode=container:a",
        "POST /v4.3.1/libpod/build?nsoptions=%5B%7B%22Name%22%3A%22user%22%2C%22Host%22%3Atrue%2C%22Path%22%3A%22%22%7D%5D&volume=\
         &seccomp=%2Fusr%2Fshare%2Fcontainers%2Fseccomp.json&additionalbuildcontexts=%7B%7D",
        "POST /images/create?fromImage=docker.io%2Flibrary%2Fbusybox&tag=latest",
        "POST /images/create?fromSrc=-&repo=a",
        "POST /images/create?fromSrc=https://example.com/a.tar",
        "POST /images/a/b/push?tag=latest",
        "POST /libpod/images/a/push?destination=docker://registry:5000/a",
        "POST /libpod/secrets/create?name=a&driver=file&driveropts=null",
    ] {
        assert_eq!(check(line), Ok(()), "{line}");
    }
}

#[test]
fn what_is_a_file_to_podman_is_refused_by_its_key() {
    for (line, named) in [
        ("POST /build?rusage=1&rusagelogfile=/srv/log", "rusagelogfile"),
        ("POST /v1.41/build?t=a&RuSageLogFile=log", "rusagelogfile"),
        ("POST /build?ru%C5%BFagelogfile=/srv/log", "rusagelogfile"),
        ("POST /build?rusagelogfile=&rusagelogfile=/srv/log", "rusagelogfile"),
        ("POST /bu%69ld?x=1;rusagelogfile=/srv/log", "rusagelogfile"),
        ("POST x:/v1-x/build?volume=/etc:/e", "volume"),
        ("POST /libpod/build?volume=a&volume=/etc:/e", "volume"),
        (
            "POST /build?additionalbuildcontexts=%7B%22h%22:%7B%22Value%22:%22/etc%22%7D%7D",
            "additionalbuildcontexts",
        ),
        ("POST /build?secrets=%5B%22id=a,src=../../etc/shadow%22%5D", "secrets"),
        ("POST /build?devices=%5B%22/dev/sda%22%5D", "devices"),
        ("POST /build?cppflags=%5B%22-include%22,%22/etc/shadow%22%5D", "cppflags"),
        ("POST /build?nsoptions=%5B%7B%22Name%22:%22net%22,%22Path%22:%22\\u002fproc%22%7D%5D", "nsoptions"),
        (
            "POST /build?idmappingoptions=%7B%22AutoUserNsOpts%22:%7B%22PasswdFile%22:%22/x%22%7D%7D",
            "idmappingoptions",
        ),
        ("POST /build?outputs=type%3Dlocal,dest%3D/srv", "outputs"),
        ("POST /build?dockerfile=../../../etc/passwd", "dockerfile"),
        ("POST /build?dockerfile=%5B%22/etc/passwd%22%5D", "dockerfile"),
        ("POST /build?dockerfile=+%5B%22a%22,%22a/../../b%22%5D", "dockerfile"),
        ("POST /build?dockerfile=%5B%22a", "dockerfile"),
        ("POST /build?dockerfile=Dockerfile.in", "dockerfile"),
        ("POST /build?remote=/srv/x", "remote"),
        ("POST /build?remote=file:///srv/x", "remote"),
        ("POST /libpod/build?seccomp=/srv/p.json", "seccomp"),
        ("POST /build?securityopt=%5B%22label%3Ddisable%22,%22seccomp%3D/srv/p.json%22%5D", "securityopt"),
        ("POST /build?networkmode=ns:/proc/1/ns/net", "networkmode"),
        ("POST /build?from=oci-archive:/srv/x.tar", "from"),
        ("POST /libpod/build?t=a&t=dir:/srv/x", "t"),
        ("POST /images/create?fromSrc=/srv/x.tar", "fromsrc"),
        ("POST /images/create?fromSrc=file:///srv/x.tar", "fromsrc"),
        ("POST /images/create?fromImage=dir:/srv/x", "fromimage"),
        ("POST /images/a/b/push?destination=dir:/srv/x", "destination"),
        ("POST /v4.3.1/libpod/images/import?URL=/srv/x.tar", "url"),
        ("POST /libpod/images/pull?reference=docker-archive:/srv/x.tar", "reference"),
        ("POST /libpod/secrets/create?name=a&driver=shell", "driver"),
        ("POST /libpod/secrets/create?name=a&driveropts=%7B%22path%22:%22/srv%22%7D", "driveropts"),
        ("POST /libpod/local/images/load?path=/srv/x.tar", "requests below /libpod/local"),
        ("POST /libpod/quadlets", "requests below /libpod/quadlets"),
        ("GET /images/containers-storage:[vfs@/a+/b]x/json", "the request names an image in a store"),
        (
            "GET /images/get?names=containers%2Dstorage%3A%5Bvfs@/a%2B/b%5Dx",
            "the request names an image in a store",
        ),
    ] {
        let error = check(line).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{named} ")), "{line}: {error}");
    }
}

#[test]
fn other_requests_are_not_looked_at() {
    for line in [
        "GET /build?volume=/etc:/e",
        "POST /build/prune?all=1",
        "POST /images/load",
        "POST /containers/create?name=x",
        "POST /secrets/create",
        "POST /images/local/tag?repo=a",
    ] {
        let (method, target) = line.split_once(' ').unwrap();
        assert!(!queries(method.as_bytes(), target.as_bytes()), "{line}");
        assert_eq!(check_query(method.as_bytes(), target.as_bytes()), Ok(()), "{line}");
    }
}

#[test]
fn a_long_value_is_cut_in_the_message() {
    let line = format!("POST /build?rusagelogfile={}", "a".repeat(5000));
    assert!(check(&line).unwrap_err().to_string().len() < 300);
}
