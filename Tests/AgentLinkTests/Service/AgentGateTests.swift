import HTTP
import Testing

@testable import AgentLink

@Suite("The door of the agent link")
struct AgentGateTests {
    private func fields(_ pairs: [(String, String)]) -> HTTPFields {
        HTTPFields(pairs.map { HTTPField(name: .init(token: $0), value: $1) })
    }

    @Test("the first value of a credential's key counts")
    func firstValue() {
        let metadata = fields([("client-secret", "a"), ("client-secret", "b"), ("client_secret", "c")])
        #expect(AgentGate.credential(.init(token: "client-secret"), .init(token: "client_secret"), metadata) == "a")
        let underscored = fields([("client_secret", "c"), ("client_secret", "d")])
        #expect(AgentGate.credential(.init(token: "client-secret"), .init(token: "client_secret"), underscored) == "c")
    }

    @Test("white space around a credential is taken off, whatever its kind")
    func trimmed() {
        for (text, expected) in [("\u{2003}a b\u{A0}", "a b"), ("\u{2003}", ""), ("é", "é")] {
            let metadata = fields([("client-uuid", text)])
            #expect(
                AgentGate.credential(.init(token: "client-uuid"), .init(token: "client_uuid"), metadata) == expected)
        }
    }

    @Test("an authority sees the last value of a key, and neither credentials nor binary values")
    func headers() {
        let metadata = fields([
            ("X-Forwarded-For", "1"), ("client-secret", "s"), ("client_secret", "s"), ("Client-Secret-2", "s"),
            ("trace-bin", "AA=="), ("x-forwarded-for", "2"), ("client-uuid", "u"),
        ])
        #expect(AgentGate.headers(metadata) == ["x-forwarded-for": "2", "client-uuid": "u"])
    }

    @Test("a credential of 512 bytes is looked at, a longer one is not")
    func limit() async throws {
        let directory = AgentDirectory()
        let gate = AgentGate(authority: SecretAuthority(), counters: directory.counters, refusals: directory.refusals)
        let longest = "s" + String(repeating: "0", count: 510) + "7"
        #expect(try await gate.admit(fields([("client-secret", longest)]), peer: nil).serverID == 7)
        for metadata in [
            [("client-secret", "s0" + longest.dropFirst())], [("client-secret", "s1"), ("client-uuid", longest + "0")],
        ] {
            let status = await #expect(throws: (any Error).self) { try await gate.admit(fields(metadata), peer: nil) }
            #expect(status != nil)
        }
        #expect(directory.counters.snapshot.refusedCalls == 2)
    }
}
