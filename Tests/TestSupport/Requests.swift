package import HTTP

/// A head without body, as curl sends it.
package func get(_ path: String, _ fields: String...) -> String {
    (["GET \(path) HTTP/1.1", "Host: gateway.test"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
}

package func post(_ path: String, _ body: String, _ fields: String...) -> String {
    let head = ["POST \(path) HTTP/1.1", "Host: gateway.test", "Content-Length: \(body.utf8.count)"] + fields
    return head.joined(separator: "\r\n") + "\r\n\r\n" + body
}

extension ListenerLimits {
    /// - Parameter change: what this test makes shorter or smaller.
    package static func changed(_ change: (inout ListenerLimits) -> Void) -> ListenerLimits {
        var limits = ListenerLimits()
        change(&limits)
        return limits
    }
}

/// Repeats a check until it holds or the time is up.
package func eventually(within limit: Duration = .seconds(20), _ check: () async throws -> Bool) async rethrows -> Bool
{
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await check() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return try await check()
}
