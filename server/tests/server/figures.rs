//! Figures over time.

use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, TestServer, new_id, until};

async fn points(server: &TestServer, hours: u32) -> Vec<Value> {
    let path = format!("/api/v1/admin/stats/history?hours={hours}");
    let history = server.api.json("GET", &path, Some(ADMIN_KEY), &json!({})).await.ok();
    history["points"].as_array().unwrap().clone()
}

/// Waits for the server to note that its clock has been moved.
async fn eventually(server: &TestServer, what: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut last = Vec::new();
    until("such a sample", async || {
        last = points(server, 24).await;
        what(&last)
    })
    .await;
    last
}

#[tokio::test]
async fn what_happens_is_in_the_history() {
    let mut server = TestServer::start().await;
    let (alice, _bob) = (server.user("alice").await, server.user("bob").await);
    let begun = server.clock.now();
    let first = eventually(&server, |points| points.len() == 1).await;
    assert_eq!(first[0]["at"], begun, "one at the start");

    let mut line = alice.online().await;
    for _ in 0..3 {
        line.deliver(alice.message("bob", new_id(), "eA==")).await;
    }
    server.clock.advance(301);
    let points = eventually(&server, |points| points.len() == 2).await;
    let point = &points[1];
    assert_eq!(point["at"], begun + 300);
    assert_eq!((&point["messages"], &point["pending_messages"]), (&json!(3), &json!(3)));
    assert_eq!((&point["online_users"], &point["stored_files"]), (&json!(1), &json!(0)));
    assert!(point["storage_used_mb"].as_f64().unwrap() > 0.0);

    // What came after the last sample is not lost by a stop.
    line.deliver(alice.message("bob", new_id(), "eA==")).await;
    server.restart().await;
    let messages = |points: &[Value]| points.iter().map(|point| point["messages"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(messages(&eventually(&server, |points| messages(points) == 4).await), 4);

    // Days later: the last day is another one, and the year still has all.
    server.clock.advance(3 * 24 * 3600);
    let all = eventually(&server, |points| points.len() == 1).await;
    assert_eq!(messages(&all), 0);
    let path = "/api/v1/admin/stats/history?hours=9600";
    let year = server.api.json("GET", path, Some(ADMIN_KEY), &json!({})).await.ok();
    assert_eq!(year["interval_seconds"], 86_400);
    assert_eq!(messages(year["points"].as_array().unwrap()), 4);
}

#[tokio::test]
async fn the_history_is_for_the_administrator() {
    let server = TestServer::start().await;
    let path = "/api/v1/admin/stats/history";
    server.api.json("GET", path, None, &json!({})).await.is("admin_key_invalid");
    server.api.json("GET", path, None, &json!({"admin_key": "wrong"})).await.is("admin_key_invalid");
    server.api.json("GET", path, None, &json!({"admin_key": ADMIN_KEY})).await.ok();
    server
        .api
        .json("GET", "/api/v1/admin/stats/history?hours=many", Some(ADMIN_KEY), &json!({}))
        .await
        .is("malformed_request");
}
