import AgentLink
import Foundation
import HTTP
import JSON
import Secrets
import Testing

@testable import MCPServer

@Suite("fs.download_url and fs.upload_url (mcp.md 4.10)")
struct TransferToolTests {
    private let clock = TransferClock()
    private let urls: TransferURLs
    private let minting: TransferURLMinting
    private static let digest = String(repeating: "aB", count: 32)

    init() {
        let clock = clock
        urls = TransferURLs(now: { clock.now })
        minting = TransferURLMinting(urls: urls, now: { clock.now })
    }

    private func call(credential: Principal.Credential? = nil) -> ToolCall {
        let token = TokenIdentity(id: 5, name: "ci", scopes: [], serverIDs: [], expiresAt: nil)
        let user = UserIdentity(id: 1, username: "one", isAdministrator: false)
        return ToolCall(
            principal: Principal(user: user, credential: credential ?? .token(token)), origin: .mcp, requestID: "r",
            client: ClientAddress(peer: nil, real: nil), baseURL: "https://gate.test:8443")
    }

    private func mint(
        _ direction: TransferGrant.Direction = .download, path: String = "/a", lifetime: Int64? = nil
    ) throws -> TransferURLMinting.Output {
        try minting.mint(
            TransferGrant(direction: direction, serverID: 7, path: path), lifetime: lifetime, in: call())
    }

    private func lifetime(asked: Int64?) throws -> TimeInterval {
        let token = try String(#require(mint(lifetime: asked).url.split(separator: "/").last))
        return try urls.consume(token, for: .download).expiresAt.timeIntervalSince(clock.now)
    }

    @Test("the URL is below the address that the client used, with the method and the moment of expiry")
    func output() throws {
        let download = try mint()
        #expect(download.method == "GET")
        #expect(download.url.hasPrefix("https://gate.test:8443/mcp/download/"))
        #expect(download.expiresAt == "2027-01-15T08:05:00.000Z")
        let upload = try mint(.upload)
        #expect(upload.method == "POST")
        #expect(upload.url.hasPrefix("https://gate.test:8443/mcp/upload/"))
    }

    @Test(
        "the lifetime is 300 s unless asked, and kept within 30 and 600 s",
        arguments: [
            (nil, 300), (0, 300), (-1, 300), (Int64.min, 300), (1, 30), (29, 30), (30, 30), (31, 31), (599, 599),
            (600, 600), (601, 600), (Int64.max, 600),
        ] as [(Int64?, TimeInterval)])
    func lifetimes(asked: Int64?, granted: TimeInterval) throws {
        #expect(try lifetime(asked: asked) == granted)
    }

    @Test("a path may have 4096 bytes, not 4097, counted as bytes")
    func pathLength() throws {
        #expect(throws: Never.self) { try mint(path: String(repeating: "a", count: 4096)) }
        #expect(throws: Never.self) { try mint(path: String(repeating: "é", count: 2048)) }
        for path in [String(repeating: "a", count: 4097), String(repeating: "é", count: 2048) + "a"] {
            let failure = #expect(throws: ToolFailure.self) { try mint(path: path) }
            #expect(failure?.message == "path too long")
            #expect(failure?.outcome == .invalidArguments)
        }
        #expect(#expect(throws: ToolFailure.self) { try mint(path: "") }?.message == "path required")
        #expect(throws: ToolFailure.self) { try mint(path: "/etc/\0passwd") }
    }

    @Test("only API tokens get URLs, since a use reads the rights of a token anew")
    func tokensOnly() {
        for credential in [Principal.Credential.session(SessionIdentity(keyID: "k")), .guest] {
            #expect(throws: ToolFailure.self) {
                try minting.mint(
                    TransferGrant(direction: .download, serverID: 7, path: "/a"), lifetime: nil,
                    in: call(credential: credential))
            }
        }
    }

    @Test("an upload's options reach the grant, the digest in lower case")
    func uploadOptions() async throws {
        let tool = FsUploadURLTool(minting: minting)
        let input = FsUploadURLTool.Input(
            serverID: 7, path: "/a", ttlSeconds: 60, mode: "0600", createDirs: true, ifMatchSHA256: Self.digest)
        let output = try await tool.run(input, in: call())
        let grant = try urls.consume(String(try #require(output.url.split(separator: "/").last)), for: .upload)
        #expect(grant.mode == "0600")
        #expect(grant.createDirs)
        #expect(grant.ifMatchSHA256 == Self.digest.lowercased())
        #expect(grant.userID == 1)
        #expect(grant.tokenID == 5)
        #expect(grant.serverID == 7)
    }

    @Test("if_match_sha256 has 64 hex digits or none")
    func ifMatch() async throws {
        let tool = FsUploadURLTool(minting: minting)
        for match in [String(Self.digest.dropLast()), Self.digest + "a", String(Self.digest.dropLast()) + "g", " "] {
            let input = FsUploadURLTool.Input(serverID: 7, path: "/a", ifMatchSHA256: match)
            let failure = await #expect(throws: ToolFailure.self) { try await tool.run(input, in: call()) }
            #expect(failure?.message == "if_match_sha256 must be 64 hex chars")
        }
        _ = try await tool.run(.init(serverID: 7, path: "/a", ifMatchSHA256: ""), in: call())
    }

    @Test("schema violations keep the texts that clients know")
    func explanations() {
        let tool = FsUploadURLTool(minting: minting)
        func text(_ pointer: String, _ keyword: String) -> String? {
            tool.explain(SchemaViolation(pointer: pointer, keyword: keyword, message: "m"), in: [:])
        }
        #expect(text("/if_match_sha256", "pattern") == "if_match_sha256 must be 64 hex chars")
        #expect(text("/path", "required") == "path required")
        #expect(text("/path", "minLength") == "path required")
        #expect(text("/path", "maxLength") == "path too long")
        #expect(text("/mode", "pattern")?.hasPrefix("invalid mode") == true)
        #expect(text("/path", "type") == nil)
    }

    @Test("neither tool is read-only, and an upload is destructive")
    func annotations() {
        let (download, upload) = (FsDownloadURLTool(minting: minting), FsUploadURLTool(minting: minting))
        #expect(download.definition.annotations.readOnly == false)
        #expect(download.definition.annotations.destructive == false)
        #expect(upload.definition.annotations.readOnly == false)
        #expect(upload.definition.annotations.destructive == true)
        #expect(download.definition.access == .user([.serverRead]))
        #expect(upload.definition.access == .user([.serverWrite]))
        #expect(download.definition.target == .agent)
        #expect(upload.definition.target == .agent)
    }

    @Test("the schemas compile and let the answer through")
    func schemas() throws {
        let (download, upload) = (FsDownloadURLTool(minting: minting), FsUploadURLTool(minting: minting))
        for tool in [RegisteredTool.Source(download), RegisteredTool.Source(upload)] {
            let schema = try JSONSchema(try JSONParser.parse(tool.output))
            _ = try JSONSchema(try JSONParser.parse(tool.input))
            let output = try JSONValueEncoder().encode(mint(tool.direction))
            #expect(schema.firstViolation(in: output) == nil)
        }
    }
}

extension RegisteredTool {
    fileprivate struct Source {
        var input: [UInt8]
        var output: [UInt8]
        var direction: TransferGrant.Direction

        init(_ tool: some Tool) {
            input = tool.definition.inputSchema.bytes
            output = tool.definition.outputSchema.bytes
            direction = tool.definition.name == "fs.upload_url" ? .upload : .download
        }
    }
}
