//! nginx as the ingress has it: `/api` to the backends, everything else to the page.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::debian;
use crate::process::Spec;

/// Its name among the servers.
pub(crate) const NAME: &str = "nginx";

/// How to start it on `port`. Gets it first if need be, and blocks meanwhile.
pub(crate) fn spec(dir: &Path, port: u16, page: u16, backends: &[u16]) -> Result<Spec> {
    let program = debian::program(NAME, &["nginx-light"])?;
    let home = dir.join(NAME);
    fs::create_dir_all(&home)?;
    let file = home.join("nginx.conf");
    fs::write(&file, configuration(&home, port, page, backends))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    let home = home.display().to_string();
    Ok(Spec::new(NAME, program, dir)
        .args(["-p", &home, "-e", "stderr", "-c"])
        .arg(file.display().to_string()))
}

fn configuration(home: &Path, port: u16, page: u16, backends: &[u16]) -> String {
    let home = home.display();
    let servers: String = (backends.iter())
        .map(|port| format!("        server 127.0.0.1:{port};\n"))
        .collect();
    // What ingress-nginx sets by default, where it differs from nginx's own defaults.
    format!(
        "daemon off;
master_process off;
pid {home}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout 1h;
    proxy_set_header Connection \"\";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    upstream backend {{
{servers}    }}
    server {{
        listen 127.0.0.1:{port};
        location = /api {{ proxy_pass http://backend; }}
        location /api/ {{ proxy_pass http://backend; }}
        location / {{ proxy_pass http://127.0.0.1:{page}; }}
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_goes_to_every_backend_and_the_rest_to_the_page() {
        let text = configuration(Path::new("/x"), 1, 2, &[3, 4]);
        assert!(text.contains("server 127.0.0.1:3;\n        server 127.0.0.1:4;"));
        assert!(text.contains("location /api/ { proxy_pass http://backend; }"));
        assert!(text.contains("location / { proxy_pass http://127.0.0.1:2; }"));
    }
}
