//! Under which names the MCP server may be asked.

use super::*;

#[tokio::test]
async fn the_mcp_server_is_asked_under_the_ingress_host_and_no_other() {
    let api = api_with(100).await;
    let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "another assistant", "version": "1" },
    }});
    for (host, status) in [
        ("todo.example.com", 200),
        ("localhost:8000", 200),
        ("evil.example.com", 403),
        ("todo.example.com.evil.example.com", 403),
    ] {
        let request = api
            .request(Method::POST, "/api/mcp")
            .header(header::HOST, host)
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(begin.to_string()))
            .unwrap();
        let response = api.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{host}");
    }
    assert_eq!(api.script.calls(), []);
}
