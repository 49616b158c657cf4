import HTTPTypes
import MCPServer
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Writes an ``OutboundResponse`` to an HTTP/1 connection.
struct HTTPResponseWriter: Sendable {
    typealias Outbound = NIOAsyncChannelOutboundWriter<HTTPResponsePart>

    private let outbound: Outbound
    private let date: HTTPDate

    init(_ outbound: Outbound, date: HTTPDate) {
        self.outbound = outbound
        self.date = date
    }

    /// - Parameters:
    ///   - isForHead: the answer to `HEAD`: the fields of the answer to `GET`, and no body.
    ///   - endsConnection: the client is told that this is the last answer on this connection.
    /// - Throws: when the client has gone, or a streamed body failed or was not as long as announced. The connection
    ///   has to be closed then: it is how the client learns that the answer is incomplete.
    func write(_ response: OutboundResponse, isForHead: Bool = false, endsConnection: Bool) async throws {
        var head = response.head
        head.headerFields[.date] = date.now
        if endsConnection { head.headerFields[.connection] = "close" }
        switch response.body {
        case .none:
            if !isForHead, !head.status.hasNoBody { head.headerFields[.contentLength] = "0" }
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
        case .bytes(let bytes):
            head.headerFields[.contentLength] = String(bytes.count)
            guard !isForHead else { return try await outbound.write(contentsOf: [.head(head), .end(nil)]) }
            try await outbound.write(contentsOf: [.head(head), .body(ByteBuffer(bytes: bytes)), .end(nil)])
        case .stream(let length, let produce):
            if let length { head.headerFields[.contentLength] = String(length) }
            try await stream(head, length: length, isForHead: isForHead, produce)
        case .webSocket(let upgrade):
            // Only what asked for a WebSocket can become one, and that does not come here.
            await upgrade.runWithoutClient()
            try await write(.empty(.internalServerError), isForHead: isForHead, endsConnection: endsConnection)
        }
    }

    private typealias Produce =
        @Sendable (_ write: @Sendable ([UInt8]) async throws -> Void) async throws -> Void

    /// Calls `produce` exactly once on every path, because it releases what it holds only when it is called.
    private func stream(
        _ head: HTTPResponse, length: Int64?, isForHead: Bool, _ produce: Produce
    ) async throws {
        do {
            try await outbound.write(isForHead ? .head(head.withoutChunks) : .head(head))
            if isForHead { try await outbound.write(.end(nil)) }
        } catch {
            try? await produce { _ in throw RequestBody.Failure.broken }
            throw error
        }
        guard !isForHead else {
            // Nothing of it is wanted; its first write ends it.
            try? await produce { _ in throw RequestBody.Failure.broken }
            return
        }
        let written = WrittenLength(limit: length)
        try await produce { chunk in
            guard !chunk.isEmpty else { return }
            try written.add(chunk.count)
            try await outbound.write(.body(ByteBuffer(bytes: chunk)))
        }
        try written.finish()
        try await outbound.write(.end(nil))
    }
}

/// A streamed body was longer or shorter than announced.
struct WrongBodyLength: Error {}

private final class WrittenLength: Sendable {
    private let limit: Int64?
    private let written = Mutex<Int64>(0)

    init(limit: Int64?) {
        self.limit = limit
    }

    func add(_ count: Int) throws {
        try written.withLock { written in
            written += Int64(count)
            if let limit, written > limit { throw WrongBodyLength() }
        }
    }

    func finish() throws {
        try written.withLock { if let limit, $0 != limit { throw WrongBodyLength() } }
    }
}

/// The `100 Continue` of a request that asked for it, sent when its body is read for the first time.
final class InterimResponse: Sendable {
    private enum State {
        case awaited
        case notAwaited
        case closed
    }

    private let outbound: HTTPResponseWriter.Outbound
    private let state: Mutex<State>

    init(isAwaited: Bool, _ outbound: HTTPResponseWriter.Outbound) {
        self.outbound = outbound
        state = Mutex(isAwaited ? .awaited : .notAwaited)
    }

    func sendIfAwaited() async throws {
        let isDue = state.withLock { state in
            guard state == .awaited else { return false }
            state = .notAwaited
            return true
        }
        if isDue { try await outbound.write(.head(HTTPResponse(status: .continue))) }
    }

    /// The answer itself begins; a 100 would come too late now.
    /// - Returns: whether the client still waits for it.
    func close() -> Bool {
        state.withLock { state in
            let isAwaited = state == .awaited
            state = .closed
            return isAwaited
        }
    }
}

extension HTTPRequest {
    var expectsContinue: Bool {
        headerFields[.expect]?.lowercased() == "100-continue"
    }
}

extension HTTPResponse.Status {
    /// Whether a response with this status never has a body, so that a length would be wrong.
    fileprivate var hasNoBody: Bool {
        kind == .informational || self == .noContent || self == .notModified
    }
}

extension HTTPResponse {
    /// The head of an answer to `HEAD`. Without a length the encoder would announce chunks and write a last one.
    fileprivate var withoutChunks: HTTPResponse {
        var head = self
        if head.headerFields[.contentLength] == nil { head.headerFields[.contentLength] = "0" }
        return head
    }
}
