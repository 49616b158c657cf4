import GRPC
import HTTP
import Transport

/// Answers each message of `/test.Echo/Talk` with itself. What else it does, the metadata says:
/// `hold: 1` (messages wait for ever), `guest: 1` (no credential is taken as shown), `end: CODE` (ends at the first
/// message), `begin: 1` (initial metadata at once), `size: N` (that many bytes in place of the message).
struct EchoService: GRPCService {
    static let path = "/test.Echo/Talk"

    let record = EchoRecord()

    func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
        guard call.path.utf8.elementsEqual("/test.Echo/Talk".utf8) else { return nil }
        if call.metadata[.guest] == nil { call.credentialShown(of: .agent(1), on: loop) }
        if call.metadata[.hold] != nil { call.holdMessages() }
        if call.metadata[.begin] != nil { call.sendInitialMetadata([.begin: "begun"], on: loop) }
        record.note("open")
        return Echo(record)
    }

    private final class Echo: GRPCServerHandler {
        let record: EchoRecord
        init(_ record: EchoRecord) { self.record = record }

        func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
            record.note("message \(message.count)")
            if let code = call.metadata[.end].flatMap({ Int($0) }).flatMap(GRPCStatus.Code.init(rawValue:)) {
                return call.finish(GRPCStatus(code, "as asked: ä%"), trailers: [.begin: "ended"], on: loop)
            }
            let size = call.metadata[.size].flatMap { Int($0) }
            call.send(size.map { [UInt8](repeating: 7, count: $0) } ?? message, on: loop)
        }

        func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {
            record.note("end")
            call.finish(.ok, on: loop)
        }

        func writable(_ call: GRPCServerCall, on loop: isolated EventLoop) { record.note("writable") }

        func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {
            record.note(call.isCancelled ? "cancelled" : "closed")
        }
    }
}

/// What happened to the calls of a service, in order.
final class EchoRecord: Sendable {
    private let lines = Lock<[String]>([])

    func note(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

extension HTTPField.Name {
    static let guest = Self(token: "guest")
    static let hold = Self(token: "hold")
    static let begin = Self(token: "begin")
    static let end = Self(token: "end")
    static let size = Self(token: "size")
}

/// Takes messages and answers nothing; holds them until it is told to release them.
final class HeldService: GRPCService {
    private let isHeld: Bool
    /// Whether the client counts as known.
    private let isTrusted: Bool
    let record = EchoRecord()
    private let calls = Lock<[LoopBound<GRPCServerCall>]>([])

    init(isHeld: Bool = true, isTrusted: Bool = true) {
        self.isHeld = isHeld
        self.isTrusted = isTrusted
    }

    func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
        if isHeld { call.holdMessages() }
        if isTrusted { call.credentialShown(of: .agent(1), on: loop) }
        let bound = LoopBound(call, on: loop)
        calls.withLock { $0.append(bound) }
        record.note("open")
        return Handler(record)
    }

    func release() async {
        for call in calls.withLock({ $0 }) {
            await call.loop.run { loop in call.get(on: loop).releaseMessages(on: loop) }
        }
    }

    private final class Handler: GRPCServerHandler {
        let record: EchoRecord
        init(_ record: EchoRecord) { self.record = record }

        func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
            record.note("message \(message.count)")
        }
        func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) { record.note("end") }
        func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {
            record.note(call.isCancelled ? "cancelled" : "closed")
        }
    }
}
