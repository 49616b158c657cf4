import Storage
import Testing

@testable import GatewayServer

@Suite("Exit codes and what they say")
struct StartFailureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var error: any Error
        var code: Int32
        /// A part of the one line.
        var says: String

        var testDescription: String { says }
    }

    @Test(
        "every failure of a start is one line and a code of sysexits.h",
        arguments: [
            Case(error: StorageError.alreadyServed(path: "/d.db"), code: 75, says: "another gateway"),
            Case(error: StorageError.notWritable(path: "/d.db"), code: 73, says: "/d.db"),
            Case(error: StorageError.newerSchema(found: "9"), code: 65, says: "newer version"),
            Case(error: StorageError.notADatabase(path: "/d.db"), code: 65, says: "no SQLite database"),
            Case(error: StorageError.foreignDatabase(path: "/d.db"), code: 65, says: "another program"),
            Case(
                error: ConfigurationError.badValue(key: "listen_port", value: "x", expected: "a number"), code: 78,
                says: "listen_port"),
            Case(error: ConfigurationError.notYAML(path: "/c.yaml", line: 3), code: 78, says: "line 3"),
            Case(error: ConfigurationError.notReadable(path: "/c.yaml"), code: 66, says: "/c.yaml"),
            Case(error: ConfigurationError.notWritable(path: "/c.yaml"), code: 73, says: "/c.yaml"),
            Case(
                error: ListenerError.cannotListen(host: "127.0.0.1", port: 8008, reason: "the address is in use"),
                code: 69, says: "127.0.0.1:8008"),
        ])
    func failures(item: Case) {
        let failure = StartFailure(item.error)
        #expect(failure.exit.rawValue == item.code)
        #expect(failure.text.contains(item.says))
        #expect(!failure.text.contains("\n"))
    }
}
