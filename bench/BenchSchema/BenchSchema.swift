import Foundation
import JSON
import MCPServer
import Synchronization

/// What schema validation costs a call: for arguments and results of each tool, CPU time of the validator beside that of
/// parsing the same JSON, and as a share of a whole `tools/call` in this process. See `bench/README.md`.
@main
struct BenchSchema {
    static func main() async throws {
        let typical = TypicalValue()
        let gateway = try await InProcessGateway { try typical.value(of: $0.outputSchema.document()) }
        show(row("tool", "side", ["bytes", "parse µs", "valid. µs", "of parse", "call µs", "of call"]))
        try await gateway.serving {
            var shares: [Double] = []
            for definition in gateway.definitions {
                let input = try Side(definition.inputSchema, typical)
                let output = try Side(definition.outputSchema, typical)
                let call = try await wholeCall(gateway, definition.name, input.value)
                for (name, side) in [("arguments", input), ("result", output)] {
                    let (parse, validate) = (side.parsing(), side.validating())
                    show(
                        row(
                            definition.name, name,
                            [
                                "\(side.bytes.count)", text(parse), text(validate), percent(validate / parse),
                                text(call), percent(validate / call),
                            ]))
                    shares.append(validate / call)
                }
            }
            let middle = shares.sorted()[shares.count / 2]
            show("share of a call: median \(percent(middle)), highest \(percent(shares.max() ?? 0))")
            try await showParts(gateway)
        }
    }

    private static func showParts(_ gateway: InProcessGateway) async throws {
        guard let definition = gateway.definitions.first(where: { $0.name == "meta.whoami" }) else { return }
        let call = try await wholeCall(gateway, definition.name, [:])
        let parts = try await CallParts(definition).measured(call: call, row: auditRow(gateway))
        show("\nparts of a call of meta.whoami, µs")
        for part in parts { show(row(part.name, "", [text(part.microseconds)])) }
    }

    /// CPU time of an audit row: until it waits for the writer, and of the writer.
    private static func auditRow(_ gateway: InProcessGateway) async -> (noted: Double, written: Double) {
        let count = 10_000
        let began = CPUTime.process
        for _ in 0..<count { gateway.noteCall() }
        let noted = CPUTime.process
        await gateway.settle()
        return ((noted - began) / Double(count), (CPUTime.process - noted) / Double(count))
    }

    /// Mean CPU time of the whole process, audit rows included, in microseconds.
    private static func wholeCall(_ gateway: InProcessGateway, _ tool: String, _ arguments: JSONValue) async throws
        -> Double
    {
        let message: JSONValue = [
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": ["name": .string(tool), "arguments": arguments],
        ]
        let body = message.serialized()
        let answer = try JSONParser.parse(try await gateway.call(body))
        guard let result = answer["result"], result["isError"] == nil else {
            throw CallFailed(tool: tool, answer: answer.text)
        }
        await gateway.settle()
        let count = 500
        let began = CPUTime.process
        for _ in 0..<count { _ = try await gateway.call(body) }
        await gateway.settle()
        return (CPUTime.process - began) / Double(count)
    }

    private struct CallFailed: Error {
        var tool: String
        var answer: String
    }

    /// Not buffered: whoever waits for a long run wants to see it go on.
    private static func show(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    private static func row(_ tool: String, _ side: String, _ columns: [String]) -> String {
        tool.padding(toLength: 28, withPad: " ", startingAt: 0)
            + side.padding(toLength: 10, withPad: " ", startingAt: 0)
            + columns.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }.joined()
    }

    private static func text(_ number: Double) -> String { String(format: "%.2f", number) }

    private static func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
}

/// One schema and a value that obeys it.
private struct Side {
    let value: JSONValue
    let bytes: [UInt8]
    private let schema: JSONSchema

    init(_ source: SchemaSource, _ typical: TypicalValue) throws {
        schema = try JSONSchema(source.document())
        value = try typical.value(of: schema.document)
        bytes = value.serialized()
        if let violation = schema.firstViolation(in: value) { throw NotTypical(violation: "\(violation)") }
    }

    /// CPU microseconds of one run.
    func parsing() -> Double { CPUTime.ofOne { (try? JSONParser.parse(bytes)) != nil } }

    func validating() -> Double { CPUTime.ofOne { schema.firstViolation(in: value) == nil } }

    private struct NotTypical: Error {
        var violation: String
    }
}

/// CPU time in microseconds.
enum CPUTime {
    static var process: Double { now(CLOCK_PROCESS_CPUTIME_ID) }

    /// The mean of as many runs as take 10 ms, in the fastest of three measurements.
    static func ofOne(_ body: () -> Bool) -> Double {
        var count = 1
        while true {
            let took = measure(count, body)
            if took > 10_000 { break }
            count *= 4
        }
        return (0..<3).map { _ in measure(count, body) }.reduce(.infinity, min) / Double(count)
    }

    private static func measure(_ count: Int, _ body: () -> Bool) -> Double {
        let began = now(CLOCK_THREAD_CPUTIME_ID)
        var isRight = true
        for _ in 0..<count { isRight = body() && isRight }
        precondition(isRight)
        return now(CLOCK_THREAD_CPUTIME_ID) - began
    }

    private static func now(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }
}

/// A body that is read once.
final class Unread: Sendable {
    private let bytes: Mutex<[UInt8]?>

    init(_ bytes: [UInt8]) {
        self.bytes = Mutex(bytes)
    }

    func take() -> [UInt8]? {
        bytes.withLock { bytes in
            defer { bytes = nil }
            return bytes
        }
    }
}
