import HTTP
import Transport

/// The connection of a client, and why it is no more.
final class GRPCClientConnection {
    /// Why there are no new calls: the connection is lost, or the server is going away.
    private(set) var loss: GRPCStatus?
    private var http2: HTTP2ClientConnection?
    private var isReady = false
    private var readyWaiters: [CheckedContinuation<Result<Void, GRPCStatus>, Never>] = []
    /// Calls that were cut off, until it is known by what.
    private var orphans: [GRPCClientCall] = []

    private static let settings = {
        var settings = HTTP2Settings.client
        // More than all streams of an agent hold together while nobody reads them.
        settings.connectionWindow = 64 << 20
        return settings
    }()

    /// Begins to speak over a transport.
    /// - Returns: what the transport's bytes are for.
    func start(over transport: any ByteTransport, isSecure: Bool, on loop: isolated EventLoop) -> any ByteProtocol {
        let http2 = HTTP2ClientConnection(
            over: transport, isSecure: isSecure, owner: self, settings: Self.settings, on: loop)
        self.http2 = http2
        return http2
    }

    /// - Throws (as a result): why there can be no call.
    func begin(
        _ call: GRPCClientCall, _ request: HTTPRequest, timeout: UInt64?, on loop: isolated EventLoop
    ) -> Result<Void, GRPCStatus> {
        if let loss { return .failure(loss) }
        guard let stream = http2?.open(request, handler: call, on: loop) else {
            return .failure(GRPCStatus(.unavailable, "the connection takes no more calls"))
        }
        call.begin(on: stream, of: self, timeout: timeout, on: loop)
        return .success(())
    }

    /// Resumes the waiter once the server has shown that it speaks HTTP/2, or the connection is lost.
    func whenReady(_ waiter: CheckedContinuation<Result<Void, GRPCStatus>, Never>) {
        if let loss { return waiter.resume(returning: .failure(loss)) }
        if isReady { return waiter.resume(returning: .success(())) }
        readyWaiters.append(waiter)
    }

    /// A call was cut off by the end of the connection, which is told next.
    func cutOff(_ call: GRPCClientCall) { orphans.append(call) }

    /// Says farewell, and closes once that was written.
    func close(_ reason: GRPCStatus, on loop: isolated EventLoop) {
        guard let http2 else { return }
        loss = reason
        http2.beginShutdown(on: loop)
        loop.atEndOfTurn { http2.close(on: loop) }
    }
}

extension GRPCClientConnection: HTTP2ClientOwner {
    func connectionIsReady(_ connection: HTTP2ClientConnection, on loop: isolated EventLoop) {
        isReady = true
        resumeWaiters(.success(()))
    }

    func connectionGoesAway(
        _ connection: HTTP2ClientConnection, _ code: HTTP2ErrorCode, _ reason: String, on loop: isolated EventLoop
    ) {
        if loss == nil { loss = Self.status(.goneAway(code, reason: reason)) }
    }

    func connectionClosed(
        _ connection: HTTP2ClientConnection, _ end: HTTP2ClientConnection.End, on loop: isolated EventLoop
    ) {
        http2 = nil
        let loss = loss ?? Self.status(end)
        self.loss = loss
        resumeWaiters(.failure(loss))
        let calls = orphans
        orphans = []
        for call in calls { call.lost(loss, on: loop) }
    }

    private func resumeWaiters(_ result: Result<Void, GRPCStatus>) {
        let waiters = readyWaiters
        readyWaiters = []
        for waiter in waiters { waiter.resume(returning: result) }
    }

    private static func status(_ end: HTTP2ClientConnection.End) -> GRPCStatus {
        switch end {
        case .closed:
            return GRPCStatus(.unavailable, "the connection is lost", cause: "closed by the server")
        case .goneAway(let code, let reason):
            let words = reason.isEmpty ? "" : ", \(reason)"
            return GRPCStatus(.unavailable, "the server goes away", cause: "\(code)\(words)")
        case .violated(let code):
            return GRPCStatus(.unavailable, "the connection is lost", cause: "the server speaks no HTTP/2: \(code)")
        }
    }
}
