import AgentLink
import HTTP
import Secrets

extension TransferEndpoint {
    /// Read from the spool and written to the client at a time.
    private static let pieceSize = TransferPieces.payload

    /// A file that came whole and verified.
    private struct Fetched: Sendable {
        var spool: FileSpool
        var size: Int
        var digest: [UInt8]
    }

    /// The file is fetched and verified first, then sent: so the status can be trusted (`mcp.md` 7.5).
    func download(_ request: InboundRequest, _ token: String) async throws -> OutboundResponse {
        let (transfer, reservation) = try await admit(request, token, .download) { () throws(TransferFault) in
            guard let reservation = space.reserve(Int(TransferFrame.maxSize)) else {
                throw busy("no room for the transfer")
            }
            return reservation
        }
        let fetched: Fetched
        do {
            fetched = try await transfer.perform { try await self.fetch(transfer, reservation) }
        } catch {
            let fault = TransferFault(error)
            transfer.settle(fault)
            throw fault
        }
        transfer.note(isAgentWorking: false)
        var fields = TransferFields.download(path: transfer.grant.path)
        if let name = HTTPField.Name("X-Content-SHA256") { fields[name] = Hex.encode(fetched.digest) }
        return OutboundResponse(
            head: HTTPResponse(status: .ok, headerFields: fields), body: Self.body(fetched, transfer))
    }

    /// The head of a download: the agent is asked for the file, and let go as soon as it has told the size.
    func describe(_ request: InboundRequest, _ token: String) async throws -> OutboundResponse {
        let transfer = try await admitLook(request, token)
        let grant = transfer.grant
        let size: Int
        do {
            size = try await transfer.perform { try await self.measure(transfer) }
        } catch {
            let fault = TransferFault(error)
            transfer.settle(fault)
            throw Rejection(fault: fault, grant: grant, isSpent: false)
        }
        transfer.settle(nil)
        let head = HTTPResponse(status: .ok, headerFields: TransferFields.download(path: grant.path))
        // A length without content; the listener sends none for HEAD anyway.
        return OutboundResponse(head: head, body: .stream(length: Int64(size)) { _ in })
    }

    private func measure(_ transfer: LiveTransfer) async throws -> Int {
        let stream = try await openStream(transfer, Self.task(transfer.grant))
        return try await stream.closing {
            var relay = DownloadRelay()
            switch relay.handle(try await stream.nextDownloadEvent()) {
            case .begin(let size): return size
            case .fail(let failure): throw failure
            case .spool, .hash, .complete: throw RelayFailure.agent("stream relay failed: out of order")
            }
        }
    }

    private static func task(_ grant: TransferGrant) -> FsTransferTask {
        FsTransferTask(streamID: "", operation: .download, path: grant.path)
    }

    private func fetch(_ transfer: LiveTransfer, _ reservation: SpoolSpace.Reservation) async throws -> Fetched {
        let spool = try await FileSpool.make(in: configuration.spoolDirectory, reservation: reservation)
        do {
            let stream = try await openStream(transfer, Self.task(transfer.grant))
            return try await stream.closing {
                try await Self.relay(stream, into: spool)
            }
        } catch {
            spool.close()
            throw error
        }
    }

    private static func relay(_ stream: any AgentStream, into spool: FileSpool) async throws -> Fetched {
        var relay = DownloadRelay()
        var digest: [UInt8] = []
        // Spooled together: each time changes threads. What is small and complete does not wait for more.
        var pieces: [ArraySlice<UInt8>] = []
        var collected = 0
        var action = relay.handle(try await stream.nextDownloadEvent())
        while true {
            switch action {
            case .begin(let size): spool.limit(toSize: size)
            case .spool(let bytes):
                pieces.append(bytes)
                collected += bytes.count
                if collected >= TransferPieces.batch || pieces.count == TransferPieces.messagesInBatch {
                    try await spool.append(pieces)
                    (pieces, collected) = ([], 0)
                }
            case .hash:
                try await spool.append(pieces)
                digest = try await spool.digest()
                action = relay.handle(.digest(digest))
                continue
            case .complete(let size): return Fetched(spool: spool, size: size, digest: digest)
            case .fail(let failure): throw failure
            }
            action = relay.handle(try await stream.nextDownloadEvent())
        }
    }

    /// Sends the file. A transfer that is stopped now is settled at once: nothing more is read, the disk is free, and
    /// the connection breaks off with the piece that is on its way.
    private static func body(_ fetched: Fetched, _ transfer: LiveTransfer) -> ResponseBody {
        let (spool, size) = (fetched.spool, fetched.size)
        transfer.onStop { cause in
            spool.close()
            transfer.settle(.cancelled(cause))
        }
        return .stream(length: Int64(size)) { write in
            defer { spool.close() }
            do {
                var piece = try await spool.read(at: 0, count: pieceSize)
                var offset = piece.count
                while !piece.isEmpty {
                    // Read while the client takes the one before.
                    let start = offset
                    async let next = spool.read(at: start, count: pieceSize)
                    if let cause = transfer.cause { throw TransferFault.cancelled(cause) }
                    try await write(piece)
                    piece = try await next
                    offset += piece.count
                }
                transfer.settle(nil)
            } catch let failure as FileSpool.Failure {
                transfer.settle(TransferFault(failure))
                throw failure
            } catch {
                transfer.settle(.cancelled(transfer.cause ?? .clientGone))
                throw error
            }
        }
    }
}

extension AgentStream {
    /// Runs `work`, then closes the stream, whatever came of it.
    func closing<T: Sendable>(_ work: () async throws -> T) async throws -> T {
        do {
            let result = try await work()
            await close()
            return result
        } catch {
            await close()
            throw error
        }
    }

    fileprivate func nextDownloadEvent() async throws -> DownloadRelay.Event {
        do {
            guard let message = try await receive() else { return .ended }
            return .message(message)
        } catch let error as CancellationError {
            throw error
        } catch {
            return .broken(error.streamText)
        }
    }
}

extension Error {
    /// Why a stream broke, in words for the client.
    var streamText: String {
        switch self as any Error {
        case AgentCallError.brokenStream(let text): text
        case AgentCallError.offline: "agent offline"
        case AgentCallError.timeout: "time out"
        default: "the stream broke"
        }
    }
}
