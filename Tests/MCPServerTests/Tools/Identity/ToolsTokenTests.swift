import Foundation
import HTTP
import JSON
import Secrets
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: tokens of the caller")
struct ToolsTokenTests {
    @Test("a made token works at once, is listed without its secret, and is gone when deleted")
    func life() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        let server = try await gateway.server(of: user.id)
        let session = try await gateway.session(of: user)
        let made = try await gateway.call(
            "token.create",
            [
                "name": "ci", "scopes": ["nezha:server:exec", "nezha:inventory:read"],
                "server_ids": [.integer(server.id)], "expires_in_days": 30,
            ], as: session, origin: .rest
        ).get()
        let secret = try #require(made["token"]?.stringValue)
        #expect(made.objectValue?.keys == ["id", "name", "token", "scopes", "server_ids", "expires_at"])
        #expect(made["expires_at"] == "2027-02-14T08:00:00.000Z")

        let authenticator = TokenAuthenticator(
            identity: gateway.identity, tokens: gateway.storage.tokens, key: gateway.dataKey, strikes: gateway.strikes,
            now: { gateway.now })
        let client = ClientAddress(peer: "192.0.2.1", real: "192.0.2.1")
        guard
            case .accepted(let principal) = await authenticator.authenticate(
                authorization: "Bearer \(secret)", client: client)
        else {
            Issue.record("not accepted")
            return
        }
        #expect(try await gateway.call("server.list", as: principal).get()["count"] == 1)

        let list = try await gateway.call("token.list", as: session, origin: .rest).get()
        #expect(list.arrayValue?.count == 1)
        #expect(!list.text.contains(secret))
        #expect(list.arrayValue?.first?["last_used_ip"] == "192.0.2.1")
        #expect(!list.text.contains(gateway.dataKey.keyedHash(secret)))

        let id = try #require(made["id"])
        #expect(await gateway.call("token.delete", ["id": id], as: session, origin: .rest).outcome == .ok)
        guard
            case .refused(.unknown) = await authenticator.authenticate(
                authorization: "Bearer \(secret)", client: client)
        else {
            Issue.record("still accepted")
            return
        }
        #expect(try await gateway.call("token.list", as: session, origin: .rest).get() == [])
        #expect(await gateway.call("token.delete", ["id": id], as: session, origin: .rest).failureText == "not found")
    }

    @Test("what is empty is left out; a rule of the issuer is told as it is")
    func forms() async throws {
        let gateway = try await TestGateway()
        let session = try await gateway.session(of: try await gateway.user("owner"))
        let made = try await gateway.call(
            "token.create", ["name": "ci", "scopes": ["nezha:server:read"], "server_ids": [], "expires_in_days": 0],
            as: session, origin: .rest
        ).get()
        #expect(made.objectValue?.keys == ["id", "name", "token", "scopes"])
        let list = try await gateway.call("token.list", as: session, origin: .rest).get()
        #expect(list.arrayValue?.first?.objectValue?.keys == ["id", "name", "scopes", "created_at"])
        let refused = await gateway.call(
            "token.create", ["name": "ci", "scopes": ["nezha:*"]], as: session, origin: .rest)
        #expect(refused.failureText == "only admin can issue scope: nezha:*")
        #expect(refused.outcome == .rejected)
        for bad in [
            #"{}"#, #"{"name": "ci"}"#, #"{"name": 1, "scopes": []}"#, #"{"name": "ci", "scopes": "all"}"#,
            #"{"name": "ci", "scopes": ["x"], "server_ids": [-1]}"#,
            #"{"name": "ci", "scopes": ["x"], "expires_in_days": 0.5}"#,
        ] {
            let result = await gateway.call(
                "token.create", try JSONParser.parse(Array(bad.utf8)), as: session, origin: .rest)
            #expect(result.outcome == .invalidArguments, "\(bad)")
        }
    }

    @Test("Indirect reference: somebody else's token is neither listed nor deleted; an administrator deletes any")
    func ownership() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let stranger = try await gateway.session(of: try await gateway.user("stranger"))
        let admin = try await gateway.session(of: try await gateway.user("root", role: .administrator))
        let id = JSONValue.integer(try #require(try await gateway.token(of: owner).token).id)
        #expect(try await gateway.call("token.list", as: stranger, origin: .rest).get() == [])
        #expect(try await gateway.call("token.list", as: admin, origin: .rest).get() == [])
        #expect(await gateway.call("token.delete", ["id": id], as: stranger, origin: .rest).failureText == "not found")
        #expect(await gateway.call("token.delete", ["id": id], as: admin, origin: .rest).outcome == .ok)
    }

    @Test("Deleted while in use: the unused transfer URLs of a deleted token are dropped, others stay")
    func transferURLs() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        let revoked = try await gateway.token(of: owner)
        let kept = try await gateway.token(of: owner)
        for principal in [revoked, revoked, kept] {
            let minted = await gateway.call(
                "fs.download_url", ["server_id": .integer(server.id), "path": "/etc/hostname"], as: principal)
            #expect(minted.outcome == .ok, "\(minted)")
        }
        let id = JSONValue.integer(try #require(revoked.token).id)
        _ = await gateway.call("token.delete", ["id": id], as: try await gateway.session(of: owner), origin: .rest)
        #expect(gateway.transferURLs.count == 1)
    }
}
