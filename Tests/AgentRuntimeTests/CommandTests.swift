import AgentLink
import Testing

@testable import AgentRuntime

@Suite("Command")
struct CommandTests {
    @Test("a command line runs in a shell; only standard output counts")
    func shell() async throws {
        let reply = try #require(
            await CommandTaskRunner.run("echo $A; echo no >&2", environment: ["A": "yes", "PATH": "/usr/bin:/bin"]))
        #expect(reply.successful)
        #expect(reply.data == "yes\n")
    }

    @Test("an exit code other than zero is told after the output")
    func failure() async throws {
        let reply = try #require(await CommandTaskRunner.run("echo x; exit 4", environment: [:]))
        #expect(!reply.successful)
        #expect(reply.data == "x\n\nexit status 4")
    }

    @Test("a command never sees the agent's secret")
    func secret() async throws {
        let environment = ["PATH": "/usr/bin:/bin", "NZ_CLIENT_SECRET": "canary", "B": "1"]
        let reply = try #require(await CommandTaskRunner.run("env", environment: environment))
        #expect(!reply.data.contains("canary"))
        #expect(reply.data.contains("B=1"))
    }
}
