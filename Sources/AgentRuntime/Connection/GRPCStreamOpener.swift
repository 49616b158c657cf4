import AgentLink
import GRPC

/// Opens IOStreams over gRPC (`agent-link.md` 3).
struct GRPCStreamOpener: StreamOpening {
    static let keepAlive = Duration.seconds(30)
    /// How long the gateway may take to end a stream that we have ended.
    static let closeGrace = Duration.seconds(5)
    /// How long what has come may take to be used up when the gateway has ended the stream.
    static let drainGrace = Duration.seconds(5)

    let link: AgentLinkClient

    func open(
        _ id: String, limit: Duration?, _ body: @escaping @Sendable (any FrameStream) async throws -> Void
    ) async throws {
        guard let limit else { return try await run(id, limit: nil, body) }
        try await withDeadline(limit) { try await run(id, limit: limit, body) }
    }

    private func run(
        _ id: String, limit: Duration?, _ body: @escaping @Sendable (any FrameStream) async throws -> Void
    ) async throws {
        let stream = QueuedStream()
        let (ended, over) = (Signal(), Signal())
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                defer { ended.fire() }
                await call(id, limit: limit, stream)
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.keepAlive)
                    try await stream.outbound.send([])
                }
            }
            group.addTask {
                await ended.wait()
                try await Task.sleep(for: Self.drainGrace)
                over.fire()
            }
            let outcome: Result<Void, any Error>
            do {
                // Who waits for a program or a service that takes nothing does not see that the stream has ended.
                let _: Void? = try await withCancellation(by: over) { try await body(stream) }
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            // Half close: the gateway answers by ending the call. What it still sends meanwhile, such as the rest of an
            // upload that failed, is taken and dropped, so that it is not held back before it sees our last frame.
            stream.outbound.finish()
            _ = try? await withDeadline(Self.closeGrace) {
                while try await stream.inbound.next() != nil {}
                await ended.wait()
            }
            try outcome.get()
        }
    }

    /// Moves frames between the queues and the wire until either side ends.
    private func call(_ id: String, limit: Duration?, _ stream: QueuedStream) async {
        do {
            try await link.withStream(.ioStream, limit: limit) { call in
                try await call.send(IOStreamFrame(StreamAttachFrame.encode(streamID: id)).protobuf())
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    defer { group.cancelAll() }
                    group.addTask {
                        while let frame = try await stream.outbound.next() {
                            try await call.send(frame, after: IOStreamFrame.head(of: frame.count))
                        }
                        await call.finish()
                        return false
                    }
                    group.addTask {
                        while let message = try await call.next() {
                            let frame = try IOStreamFrame(protobuf: message).frame
                            if !frame.isEmpty { try await stream.inbound.send(frame) }
                        }
                        return true
                    }
                    // The gateway ends the call.
                    while let isOver = try await group.next(), !isOver {}
                }
            }
            stream.inbound.finish()
            stream.outbound.fail(MailboxFinished())
        } catch {
            stream.inbound.fail(error)
            stream.outbound.fail(error)
        }
    }
}

/// A stream whose frames wait in two short queues, so that each side is held back by the other.
struct QueuedStream: FrameStream {
    let inbound = BoundedMailbox<[UInt8]>(maxCount: 16)
    let outbound = BoundedMailbox<[UInt8]>(maxCount: 4)

    func receive() async throws -> [UInt8]? {
        try await inbound.next()
    }

    func send(_ frame: [UInt8]) async throws {
        try await outbound.send(frame)
    }

    func finish() {
        outbound.finish()
    }
}
