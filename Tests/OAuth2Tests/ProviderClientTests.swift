import JSON
import Outbound
import Settings
import Synchronization
import TestSupport
import Testing
import Transport

@testable import OAuth2

@Suite("OAuth2: what the gateway asks a provider")
struct ProviderClientTests {
    /// Answers by path; what was asked is kept.
    private final class Provider: Sendable {
        let asked = Mutex<[String]>([])
        let answer: @Sendable (_ request: String) -> (status: Int, type: String, body: String)

        init(_ answer: @escaping @Sendable (String) -> (status: Int, type: String, body: String)) {
            self.answer = answer
        }

        func serve(_ stream: ByteStream) async throws {
            var text = ""
            while let more = try await stream.receive() {
                text += String(decoding: more, as: UTF8.self)
                let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
                let length = parts[0].lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                    .flatMap { Int($0.split(separator: " ")[1]) }
                if parts.count == 2, parts[1].utf8.count >= length ?? 0 { break }
            }
            asked.withLock { [text] in $0.append(text) }
            let (status, type, body) = answer(text)
            try await stream.send(
                Array(
                    "HTTP/1.1 \(status) X\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
                        .utf8))
        }

        var lines: [String] { asked.withLock { $0 } }
    }

    private static func settings(_ port: Int) -> OAuth2Provider {
        OAuth2Provider(
            name: "Local", clientID: "client id", clientSecret: "s:cret",
            authorizationURL: "http://127.0.0.1/authorize",
            tokenURL: "http://127.0.0.1:\(port)/token", userInfoURL: "http://127.0.0.1:\(port)/user", userIDPath: "id")
    }

    private let client = ProviderClient(
        client: OutboundClient(guard: AddressGuard(allowing: [IPNetwork("127.0.0.0/8")!])))

    @Test(
        "a code becomes a token by the header at first, and by the form where the provider wants that; it is remembered"
    )
    func manners() async throws {
        let provider = Provider { request in
            request.contains("client_secret=s%3Acret")
                ? (200, "application/json", #"{"access_token": "t-1"}"#)
                : (401, "application/json", #"{"error": "invalid_client"}"#)
        }
        try await LocalService.with(provider.serve) { port in
            for _ in 0..<2 {
                let token = try await client.token(
                    for: "c d", verifier: "v", redirect: "http://a/b", from: Self.settings(port))
                #expect(token == "t-1")
            }
        }
        let asked = provider.lines
        #expect(asked.count == 3)
        // "client+id:s%3Acret"
        #expect(asked[0].contains("Authorization: Basic Y2xpZW50K2lkOnMlM0FjcmV0\r\n"))
        #expect(!asked[1].contains("Authorization:"))
        #expect(!asked[2].contains("Authorization:"))
        #expect(
            asked[1].hasSuffix(
                "code=c+d&code_verifier=v&grant_type=authorization_code&redirect_uri=http%3A%2F%2Fa%2Fb&client_id=client+id&client_secret=s%3Acret"
            ))
    }

    @Test("a provider that answers with a form and keeps its errors under 200, as GitHub does, is understood")
    func gitHub() async throws {
        let provider = Provider { request in
            request.contains("code=good")
                ? (200, "application/x-www-form-urlencoded", "access_token=gho_x&scope=&token_type=bearer")
                : (200, "application/x-www-form-urlencoded", "error=bad_verification_code&error_description=x")
        }
        try await LocalService.with(provider.serve) { port in
            let token = try await client.token(
                for: "good", verifier: "v", redirect: "r", from: Self.settings(port))
            #expect(token == "gho_x")
            _ = await #expect(throws: ProviderClient.Failure.refused(code: "bad_verification_code")) {
                try await client.token(for: "bad", verifier: "v", redirect: "r", from: Self.settings(port))
            }
        }
    }

    @Test(
        "what is no token is none",
        arguments: [
            "{}", #"{"access_token": ""}"#, #"{"access_token": "a\r\nX-Evil: 1"}"#, #"{"access_token": 5}"#, "",
            "<html>",
        ])
    func noToken(_ body: String) async throws {
        let provider = Provider { _ in (200, "application/json", body) }
        try await LocalService.with(provider.serve) { port in
            _ = await #expect(throws: ProviderClient.Failure.noToken(status: 200)) {
                try await client.token(for: "x", verifier: "v", redirect: "r", from: Self.settings(port))
            }
        }
    }

    @Test("an error code that would not look well in a sentence is left out")
    func oddError() async throws {
        let provider = Provider { _ in (400, "application/json", #"{"error": "a\" <script>\u001b"}"#) }
        try await LocalService.with(provider.serve) { port in
            _ = await #expect(throws: ProviderClient.Failure.noToken(status: 400)) {
                try await client.token(for: "x", verifier: "v", redirect: "r", from: Self.settings(port))
            }
        }
    }

    @Test("the person is asked for with the token; a provider that fails knows nobody")
    func userInfo() async throws {
        let provider = Provider { request in
            request.contains("Authorization: Bearer t-1\r\n")
                ? (200, "application/json", #"{"id": 42}"#) : (500, "application/json", #"{"id": 42}"#)
        }
        try await LocalService.with(provider.serve) { port in
            let known = try await client.userID(token: "t-1", at: Self.settings(port))
            #expect(known == "42")
            let unknown = try await client.userID(token: "t-2", at: Self.settings(port))
            #expect(unknown == nil)
        }
    }

    @Test("a provider that is not there is told as that, without the secret")
    func absent() async throws {
        do {
            _ = try await client.token(for: "x", verifier: "v", redirect: "r", from: Self.settings(1))
            Issue.record("somebody listens on port 1")
        } catch {
            guard case .unreachable = error else { throw error }
            #expect(!"\(error)".contains("cret"))
        }
        #expect(!"\(Self.settings(1))".contains("cret"))
    }
}
