import AgentLink
import HTTP
import Secrets

extension TransferEndpoint {
    /// What can be said of an upload before its body.
    private struct Announcement: Sendable {
        var size: Int
        /// The digest that the client announced.
        var sha256: [UInt8]?
    }

    /// The body goes to the agent as it comes, hashed on its way; the client is read only as fast as the agent takes it
    /// (`mcp.md` 7.6).
    func upload(_ request: InboundRequest, _ token: String) async throws -> OutboundResponse {
        let (transfer, announced) = try await admit(request, token, .upload) { () throws(TransferFault) in
            try Self.announcement(of: request)
        }
        do {
            let receipt = try await transfer.perform { try await self.relay(request.body, announced, transfer) }
            transfer.settle(nil)
            return .json(
                .ok, ["size": .integer(Int64(receipt.size)), "sha256": .string(Hex.encode(receipt.sha256))],
                fields: TransferFields.common)
        } catch {
            let fault = TransferFault(error)
            transfer.settle(fault)
            throw fault
        }
    }

    private func relay(
        _ body: RequestBody, _ announced: Announcement, _ transfer: LiveTransfer
    ) async throws -> UploadRelay.Receipt {
        let grant = transfer.grant
        let task = FsTransferTask(
            streamID: "", operation: .upload, path: grant.path, size: Int64(announced.size), mode: grant.mode,
            createDirs: grant.createDirs, ifMatchSHA256: grant.ifMatchSHA256,
            expectedSHA256: announced.sha256.map(Hex.encode) ?? "")
        let stream = try await openStream(transfer, task)
        return try await stream.closing {
            try await UploadRun(
                stream: stream, body: body, relay: UploadRelay(size: announced.size, wanted: announced.sha256)
            ).run()
        }
    }

    private static func announcement(of request: InboundRequest) throws(TransferFault) -> Announcement {
        if request.hasContentType("multipart/") {
            throw .request(
                .unsupportedMediaType,
                "a form is not the file; send its bytes alone: curl --data-binary @FILE URL")
        }
        if let coding = request.foreignCoding {
            throw .request(.unsupportedMediaType, InboundRequest.codingRefusal(coding))
        }
        guard let length = request.contentLength, length >= 0 else {
            throw .request(.lengthRequired, "Content-Length required")
        }
        guard length <= Int64(TransferFrame.maxSize) else {
            throw .request(.contentTooLarge, "body exceeds MCP transfer cap (100MiB)")
        }
        return Announcement(size: Int(length), sha256: try announcedDigest(in: request.query))
    }

    /// `sha256` of the query; an empty one is as good as none.
    private static func announcedDigest(in query: Substring) throws(TransferFault) -> [UInt8]? {
        for parameter in query.split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts[0] == "sha256" else { continue }
            let written = parts.count > 1 ? parts[1].replacing("+", with: " ").replacing("%20", with: " ") : ""
            let text = written.trimmingBlanks()
            if text.isEmpty { return nil }
            guard SHA256Text.isValid(text), let digest = Hex.decode(text) else {
                throw .request(.badRequest, SHA256Text.queryRule)
            }
            return digest
        }
        return nil
    }
}
