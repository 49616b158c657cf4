import AgentLink
import Foundation
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: files of servers")
struct ToolsFileTests {
    private func call(
        _ tool: String, _ arguments: JSONObject, answering json: String
    ) async throws -> (result: Result<JSONValue, ToolFailure>, sent: [FakeNetwork.Sent]) {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        gateway.network.attach(server.id, json: json)
        var arguments = arguments
        arguments["server_id"] = .integer(server.id)
        let result = await gateway.call(tool, .object(arguments), as: try await gateway.token(of: owner))
        return (result, gateway.network.sent)
    }

    @Test("fs.list: entries by name, also none; what is absent stays absent")
    func list() async throws {
        let (result, sent) = try await call(
            "fs.list", ["path": "/etc", "show_hidden": true],
            answering: #"""
                {"entries":[{"name":"b","type":"file","size":3,"mode":"0640","mtime":5},
                {"name":"a","type":"symlink","size":1,"mode":"0777","mtime":6,"is_symlink":true,"link_target":"b"}]}
                """#)
        let value = try result.get()
        #expect(value["entries"]?.arrayValue?.map { $0["name"] } == ["a", "b"])
        #expect(
            value["entries"]?.arrayValue?.last == ["name": "b", "type": "file", "size": 3, "mode": "0640", "mtime": 5])
        #expect(value["truncated"] == nil)
        #expect(value["total"] == nil)
        #expect(try FsListTask(json: try #require(sent.first).body) == FsListTask(path: "/etc", showHidden: true))
        #expect(sent.first?.type == .fsList)
        #expect(sent.first?.timeout == .seconds(30))

        for empty in [#"{"entries":null}"#, "{}", #"{"entries":[]}"#] {
            #expect(try await call("fs.list", ["path": "/"], answering: empty).result.get() == ["entries": []])
        }
        let many = try await call("fs.list", ["path": "/"], answering: #"{"entries":[],"truncated":true,"total":9000}"#)
        #expect(try many.result.get() == ["entries": [], "truncated": true, "total": 9000])
    }

    @Test("an entry of a kind that the contract does not know is not passed on")
    func listHostile() async throws {
        let (result, _) = try await call(
            "fs.list", ["path": "/"],
            answering: #"{"entries":[{"name":"canary","type":"<script>","size":0,"mode":"0","mtime":0}]}"#)
        #expect(result.failureText == "internal error")
    }

    @Test("fs.read passes offset, length and encoding on")
    func read() async throws {
        let (result, sent) = try await call(
            "fs.read", ["path": "/a", "offset": 5, "length": 3, "encoding": "base64"],
            answering: #"{"content":"YWJj","encoding":"base64","size":3,"sha256":"ab","truncated":true}"#)
        #expect(
            try result.get()
                == ["content": "YWJj", "encoding": "base64", "size": 3, "sha256": "ab", "truncated": true])
        #expect(
            try FsReadTask(json: try #require(sent.first).body)
                == FsReadTask(path: "/a", offset: 5, length: 3, encoding: "base64"))
        let whole = try await call(
            "fs.read", ["path": "/a", "length": 0], answering: #"{"content":"","encoding":"utf8","size":0}"#)
        #expect(try whole.result.get()["content"] == "")
        #expect(whole.sent.count == 1)
    }

    @Test("fs.read takes 1 MiB of a file from an agent, and not a byte more", arguments: [0, 1, 2, 3])
    func readTooMuch(over: Int) async throws {
        let size = 1_048_576 + over
        let base64 = Data(repeating: 7, count: size).base64EncodedString()
        // Each byte that is no UTF-8 has become U+FFFD.
        let broken = String(repeating: "\u{FFFD}", count: size - 1) + "x"
        for (encoding, content) in [
            ("base64", base64), ("utf8", String(repeating: "x", count: size)), ("utf8", broken),
            ("utf8", String(repeating: "é", count: 524_288) + String(repeating: "x", count: over)),
        ] {
            let answer: JSONValue = [
                "content": .string(content), "encoding": .string(encoding), "size": .integer(Int64(size)),
            ]
            let (result, _) = try await call("fs.read", ["path": "/a"], answering: answer.text)
            if over == 0 {
                #expect(try result.get()["content"] == .string(content))
            } else {
                #expect(result.failureText == "agent sent more than 1048576 bytes of the file")
                #expect(result.outcome == .agentError)
            }
        }
    }

    @Test("fs.write lower-cases the digest that agents compare literally, and passes the rest on")
    func write() async throws {
        let digest = String(repeating: "aB", count: 32)
        let (result, sent) = try await call(
            "fs.write",
            [
                "path": "/a", "content": "x", "encoding": "utf8", "mode": "0600", "if_match_sha256": .string(digest),
                "create_dirs": true,
            ], answering: #"{"size":1,"sha256":"ff"}"#)
        #expect(try result.get() == ["size": 1, "sha256": "ff"])
        #expect(
            try FsWriteTask(json: try #require(sent.first).body)
                == FsWriteTask(
                    path: "/a", content: "x", encoding: "utf8", mode: "0600", ifMatchSHA256: digest.lowercased(),
                    createDirs: true))
        let plain = try await call(
            "fs.write", ["path": "/a", "content": "", "mode": "", "if_match_sha256": ""],
            answering: #"{"size":0,"sha256":"ff"}"#)
        #expect(try FsWriteTask(json: try #require(plain.sent.first).body) == FsWriteTask(path: "/a", content: ""))
    }

    @Test("fs.delete counts what was removed")
    func delete() async throws {
        let (result, sent) = try await call(
            "fs.delete", ["path": "/tmp/x", "recursive": true], answering: #"{"deleted_count":4}"#)
        #expect(try result.get() == ["deleted_count": 4])
        #expect(try FsDeleteTask(json: try #require(sent.first).body) == FsDeleteTask(path: "/tmp/x", recursive: true))
        #expect(try await call("fs.delete", ["path": "/x"], answering: "{}").result.get() == ["deleted_count": 0])
    }

    @Test(
        "the agent's error text comes through, without a structured result",
        arguments: [
            ("fs.list", "path is not a directory"), ("fs.read", "file or directory does not exist"),
            ("fs.write", "if_match precondition failed: sha256 mismatch"), ("fs.delete", "refusing to delete root"),
        ])
    func agentErrors(tool: String, text: String) async throws {
        let (result, _) = try await call(
            tool, ["path": "/a", "content": "x"], answering: #"{"error":"\#(text)"}"#)
        guard case .failure(.agentError(text, nil)) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test(
        "bad arguments are named in the words that clients match on",
        arguments: [
            ("fs.list", #"{"path": ""}"#, "path required"), ("fs.list", "{}", "path required"),
            ("fs.list", #"{"path": 1}"#, "/path"), ("fs.list", #"{"path": "/", "show_hidden": "yes"}"#, "/show_hidden"),
            ("fs.read", #"{"path": "/a", "offset": -1}"#, "offset must be >= 0"),
            ("fs.read", #"{"path": "/a", "length": -1}"#, "length must be >= 0"),
            ("fs.read", #"{"path": "/a", "encoding": "latin1"}"#, "unknown encoding: latin1"),
            ("fs.read", #"{"path": "/a", "offset": 1e30}"#, "/offset"),
            ("fs.write", #"{"path": "/a"}"#, "/content"),
            ("fs.write", #"{"path": "", "content": ""}"#, "path required"),
            ("fs.write", #"{"path": "/a", "content": "", "encoding": "hex"}"#, "unknown encoding: hex"),
            ("fs.write", #"{"path": "/a", "content": "", "mode": "0o644"}"#, "invalid mode: 0o644"),
            ("fs.write", #"{"path": "/a", "content": "", "mode": "rw"}"#, "invalid mode: rw"),
            (
                "fs.write", #"{"path": "/a", "content": "", "if_match_sha256": "abc"}"#,
                "if_match_sha256 must be 64 hex chars"
            ),
            ("fs.delete", #"{"path": ""}"#, "path required"),
            ("fs.delete", #"{"path": "/a", "recursive": 1}"#, "/recursive"),
        ])
    func badArguments(tool: String, json: String, text: String) async throws {
        let arguments = try #require(try JSONParser.parse(Array(json.utf8)).objectValue)
        let (result, sent) = try await call(tool, arguments, answering: "{}")
        #expect(result.outcome == .invalidArguments)
        #expect(sent.isEmpty)
        #expect(result.failureText?.contains(text) == true, "\(result.failureText ?? "none")")
    }

    @Test(
        "a path of 4096 characters passes, one more does not",
        arguments: ["fs.list", "fs.read", "fs.write", "fs.delete"])
    func pathLength(tool: String) async throws {
        for (length, passes) in [(4096, true), (4097, false)] {
            let path = "/" + String(repeating: "ä", count: length - 1)
            let (result, sent) = try await call(
                tool, ["path": .string(path), "content": ""],
                answering: #"{"size":0,"sha256":"","content":"","encoding":"utf8"}"#)
            #expect((result.outcome == .ok) == passes, "\(length)")
            #expect(sent.count == (passes ? 1 : 0), "\(length)")
        }
    }
}
