import HTTP
import JSON
import Primitives

/// The answer to one request as an event stream: progress on the way, then the response, then the end (`mcp.md` 10.3
/// row 5). There is no session behind it: a client that lost it cannot come back, and its call is cancelled.
struct EventStream: Sendable {
    /// What the client named its progress; goes back as it came.
    let progressToken: JSONValue
    /// How often a comment shows proxies and clients that the stream lives: the impatient ones give up after 5 s.
    var keepAlive = Duration.milliseconds(4500)

    /// - Parameter answer: does the work and returns the response, or `nil` where none is wanted any more; begins when
    ///   the first bytes are on their way.
    func response(
        _ answer: @escaping @Sendable (_ progress: @escaping ProgressReporter) async -> [UInt8]?
    ) -> OutboundResponse {
        let head = HTTPResponse(
            status: .ok,
            headerFields: [
                .contentType: "text/event-stream", .cacheControl: "no-cache", .xAccelBuffering: "no",
            ])
        return OutboundResponse(head: head, body: .stream(length: nil) { try await relay(answer, to: $0) })
    }

    private enum Event: Sendable {
        case progress(Double, total: Double?)
        case keepAlive
        case response([UInt8])
    }

    /// So many events wait for a slow client; then the oldest are left out, never the response, which is the last.
    private static let waitingEvents = 64

    private func relay(
        _ answer: @escaping @Sendable (@escaping ProgressReporter) async -> [UInt8]?,
        to write: @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        // A client that has left already fails here, and nothing is begun for it.
        try await write(bytes(of: .keepAlive))
        let (events, feed) = AsyncStream.makeStream(
            of: Event.self, bufferingPolicy: .bufferingNewest(Self.waitingEvents))
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                if let response = await answer({ feed.yield(.progress($0, total: $1)) }) {
                    feed.yield(.response(response))
                }
                feed.finish()
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: keepAlive)
                    feed.yield(.keepAlive)
                }
            }
            for await event in events { try await write(bytes(of: event)) }
            // Cancellation ends the loop as well; the body is incomplete then.
            try Task.checkCancellation()
        }
    }

    private func bytes(of event: Event) -> [UInt8] {
        switch event {
        case .keepAlive: Array(": \n\n".utf8)
        case .response(let message): Self.framed(message)
        case .progress(let done, let total): Self.framed(progress(done, total).serialized())
        }
    }

    /// Our JSON has no line breaks, so one `data:` line holds it.
    private static func framed(_ message: [UInt8]) -> [UInt8] {
        Array("event: message\ndata: ".utf8) + message + Array("\n\n".utf8)
    }

    private func progress(_ done: Double, _ total: Double?) -> JSONRPCNotification {
        var params: JSONObject = ["progressToken": progressToken, "progress": Self.number(done)]
        if let total { params["total"] = Self.number(total) }
        return JSONRPCNotification(method: "notifications/progress", params: params)
    }

    private static func number(_ value: Double) -> JSONValue {
        Int64(exactly: value).map { .integer($0) } ?? .double(value)
    }
}

extension JSONRPCRequest {
    /// Bytes of a token, which comes with each event.
    private static let longestProgressToken = 1024

    /// What the client wants its progress to be named; `nil` where it wants none, or said it in a wrong type or at length.
    var progressToken: JSONValue? {
        // Not `? token : nil`, where the literal would be a JSON null.
        guard let token = meta?["progressToken"] else { return nil }
        guard token.stringValue.map({ $0.utf8.count <= Self.longestProgressToken }) ?? (token.int64Value != nil) else {
            return nil
        }
        return token
    }
}

extension HTTPFields {
    /// Whether `Accept` names event streams; a wildcard is not taken as the wish for one.
    var acceptsEventStream: Bool {
        (self[.accept] ?? "").utf8.split(separator: UInt8(ascii: ",")).contains { range in
            let parts = range.split(separator: UInt8(ascii: ";")).map { part in
                part.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }.asciiLowercased
            }
            guard let type = parts.first, type.elementsEqual("text/event-stream".utf8) else { return false }
            return !parts.dropFirst().contains { part in
                part.starts(with: "q=".utf8) && Double(String(decoding: part.dropFirst(2), as: UTF8.self)) == 0
            }
        }
    }
}
