import AgentLink
import HTTP
import JSON
import Primitives
import Secrets

extension TransferEndpoint {
    /// What can be said of an upload before its body.
    private struct Announcement: Sendable {
        var size: Int
        /// The digest that the client announced.
        var sha256: [UInt8]?
    }

    /// The body goes to the agent as it comes (`mcp.md` 7.6).
    func upload(_ request: InboundRequest, _ token: String) async throws -> OutboundResponse {
        var admission = try await admit(request, token, .upload) { () throws(TransferFault) in
            try Self.announcement(of: request)
        }
        admission.call.body = ToolBody(request: request.body)
        let (grant, announced) = (admission.grant, admission.needs)
        var arguments = grant.arguments()
        arguments["size"] = .integer(Int64(announced.size))
        arguments["sha256"] = announced.sha256.map { .string(Hex.encode($0)) }
        arguments["mode"] = .string(grant.mode)
        arguments["create_dirs"] = .bool(grant.createDirs)
        arguments["if_match_sha256"] = .string(grant.ifMatchSHA256)
        return .json(.ok, try await invoke(admission, arguments).get(), fields: TransferFields.common)
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
