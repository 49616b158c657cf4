import JSON
import Testing

@testable import AgentLink

@Suite("Task bodies")
struct TaskBodyTests {
    @Test("requests leave zero values out")
    func zeroValues() {
        #expect(ExecTask(cmd: "ls").jsonText() == #"{"cmd":"ls"}"#)
        #expect(FsListTask(path: "/").jsonText() == #"{"path":"/"}"#)
        #expect(FsReadTask(path: "/a").jsonText() == #"{"path":"/a"}"#)
        #expect(FsWriteTask(path: "/a", content: "").jsonText() == #"{"content":"","path":"/a"}"#)
        #expect(FsDeleteTask(path: "/a").jsonText() == #"{"path":"/a"}"#)
        #expect(
            FsTransferTask(streamID: "s", operation: .download, path: "/a").jsonText()
                == #"{"op":"download","path":"/a","stream_id":"s"}"#)
        #expect(StreamTask(streamID: "stream-7").jsonText() == #"{"StreamID":"stream-7"}"#)
        #expect(
            NATTask(streamID: "s", host: "127.0.0.1:80").jsonText() == #"{"Host":"127.0.0.1:80","StreamID":"s"}"#)
        #expect(CancelTask(id: 4_294_967_297).jsonText() == #"{"id":4294967297}"#)
    }

    @Test("replies keep what the agents in the field always send")
    func replyKeys() {
        #expect(ExecReply().jsonText() == #"{"duration_ms":0,"exit_code":0,"stderr":"","stdout":""}"#)
        #expect(FsListReply().jsonText() == #"{"entries":[]}"#)
        #expect(FsReadReply().jsonText() == #"{"content":"","encoding":"","size":0}"#)
        #expect(FsWriteReply().jsonText() == #"{"sha256":"","size":0}"#)
        #expect(FsDeleteReply().jsonText() == #"{"deleted_count":0}"#)
    }

    private func roundTrip<Body: TaskBody>(_ body: Body, _ json: String) throws {
        #expect(body.jsonText() == json)
        #expect(try Body(json: json) == body)
    }

    @Test("every field survives the way there and back, under its name")
    func everyField() throws {
        try roundTrip(
            ExecTask(
                cmd: "c", args: ["a"], cwd: "/", env: ["K": "V"], timeoutSeconds: 5, stdin: "i", maxOutputBytes: 6),
            #"{"args":["a"],"cmd":"c","cwd":"/","env":{"K":"V"},"max_output_bytes":6,"stdin":"i","timeout_seconds":5}"#)
        try roundTrip(
            ExecReply(
                exitCode: -1, stdout: "o", stderr: "e", durationMilliseconds: 7, stdoutTruncated: true,
                stderrTruncated: true, timedOut: true, error: "x"),
            #"{"duration_ms":7,"error":"x","exit_code":-1,"stderr":"e","stderr_truncated":true,"stdout":"o","stdout_truncated":true,"timed_out":true}"#
        )
        try roundTrip(FsListTask(path: "/", showHidden: true), #"{"path":"/","show_hidden":true}"#)
        try roundTrip(
            FsListReply(
                entries: [
                    .init(
                        name: "n", type: "symlink", size: 1, mode: "0644", mtime: 2, isSymlink: true, linkTarget: "t")
                ], truncated: true, total: 9, error: "x"),
            #"{"entries":[{"is_symlink":true,"link_target":"t","mode":"0644","mtime":2,"name":"n","size":1,"type":"symlink"}],"error":"x","total":9,"truncated":true}"#
        )
        try roundTrip(
            FsReadTask(path: "/", offset: 1, length: 2, encoding: "base64"),
            #"{"encoding":"base64","length":2,"offset":1,"path":"/"}"#)
        try roundTrip(
            FsReadReply(content: "c", encoding: "utf8", size: 1, sha256: "h", truncated: true, error: "x"),
            #"{"content":"c","encoding":"utf8","error":"x","sha256":"h","size":1,"truncated":true}"#)
        try roundTrip(
            FsWriteTask(
                path: "/", content: "c", encoding: "utf8", mode: "0600", ifMatchSHA256: "h", createDirs: true),
            #"{"content":"c","create_dirs":true,"encoding":"utf8","if_match_sha256":"h","mode":"0600","path":"/"}"#)
        try roundTrip(
            FsWriteReply(size: 1, sha256: "h", error: "x"), #"{"error":"x","sha256":"h","size":1}"#)
        try roundTrip(FsDeleteTask(path: "/a", recursive: true), #"{"path":"/a","recursive":true}"#)
        try roundTrip(FsDeleteReply(deletedCount: 2, error: "x"), #"{"deleted_count":2,"error":"x"}"#)
        try roundTrip(
            FsTransferTask(
                streamID: "s", operation: .upload, path: "/", size: 3, mode: "0600", createDirs: true,
                ifMatchSHA256: "h", expectedSHA256: "g"),
            #"{"create_dirs":true,"expected_sha256":"g","if_match_sha256":"h","mode":"0600","op":"upload","path":"/","size":3,"stream_id":"s"}"#
        )
    }

    @Test("a listing without entries reads as empty, whatever else is missing")
    func tolerance() throws {
        #expect(try FsListReply(json: #"{"entries":null,"error":"permission denied"}"#).entries.isEmpty)
        #expect(try FsListReply(json: "{}") == FsListReply())
        #expect(try ExecReply(json: #"{"exit_code":3,"new_key":{"a":[1]}}"#).exitCode == 3)
        #expect(try FsReadReply(json: #"{"content":null}"#) == FsReadReply())
    }

    @Test(
        "negative, fractional and too large numbers and other types are malformed",
        arguments: [
            #"{"cmd":"x","timeout_seconds":-1}"#, #"{"cmd":"x","timeout_seconds":1.5}"#,
            #"{"cmd":"x","timeout_seconds":4294967296}"#, #"{"cmd":"x","args":"y"}"#, #"{"cmd":7}"#, "", "[]", "nul",
            #"{"cmd":"x""#,
        ])
    func malformed(json: String) {
        #expect(throws: TaskBodyError.self) { try ExecTask(json: json) }
    }

    @Test("the text of a malformed body never quotes the body")
    func malformedText() {
        #expect(throws: TaskBodyError.malformed("wrong type at cmd")) { try ExecTask(json: #"{"cmd":["canary"]}"#) }
        #expect(throws: TaskBodyError.malformed("invalid JSON")) { try ExecTask(json: "canary") }
    }

    @Test("extension names are read one by one and unknown ones ignored")
    func extensions() {
        #expect(AgentExtensions(header: "cancel") == .cancel)
        #expect(AgentExtensions(header: " other , cancel ") == .cancel)
        #expect(AgentExtensions(header: "Cancel,cancelled,") == [])
        #expect(AgentExtensions.cancel.header == "cancel")
    }

    @Test("long names are refused before a dictionary hashes them, long values are not")
    func longNames() throws {
        let long = String(repeating: "\u{0301}", count: TaskBodyLimits.json.nameLength)
        #expect(throws: TaskBodyError.malformed("a member name is too long")) {
            try FsWriteReply(json: "{\"\(long)\":1}")
        }
        #expect(throws: TaskBodyError.self) { try FsWriteReply(json: "{\"a\":{\"\(long)\" \n:1}}") }
        #expect(try FsWriteReply(json: "{\"sha256\":\"\(long)\"}").sha256 == long)
        #expect(try FsWriteReply(json: "{\"size\":3,\"\(String(repeating: "n", count: 256))\":1}").size == 3)
    }

    @Test("a body has as many bytes as its kind may have, and not one more")
    func lengths() throws {
        func body(_ length: Int) -> String {
            #"{"size":1,"error":""# + String(repeating: "x", count: length - 21) + #""}"#
        }
        #expect(try FsWriteReply(json: body(FsWriteReply.maximumLength)).size == 1)
        #expect(throws: TaskBodyError.malformed("too long")) {
            try FsWriteReply(json: body(FsWriteReply.maximumLength + 1))
        }
        #expect(FsReadReply.maximumLength > FsWriteReply.maximumLength)
        #expect(try FsReadReply(json: body(FsWriteReply.maximumLength + 1)).size == 1)
    }

    @Test("nesting, numbers and lists have limits, which no listing of an agent reaches")
    func costs() throws {
        func nested(_ depth: Int) -> String {
            #"{"a":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(try FsWriteReply(json: nested(TaskBodyLimits.json.depth - 1)) == FsWriteReply())
        #expect(throws: TaskBodyError.malformed("too large")) {
            try FsWriteReply(json: nested(TaskBodyLimits.json.depth))
        }
        #expect(throws: TaskBodyError.malformed("too large")) {
            try FsWriteReply(json: "{\"size\":\(String(repeating: "1", count: 65))}")
        }
        let values = String(repeating: "0,", count: TaskBodyLimits.json.values) + "0"
        #expect(throws: TaskBodyError.malformed("too large")) { try FsWriteReply(json: "{\"a\":[\(values)]}") }
        let entry = FsEntry(
            name: "n", type: "symlink", size: 1, mode: "0644", mtime: 1, isSymlink: true, linkTarget: "t",
            nameBase64: "bg==")
        let listing = FsListReply(entries: Array(repeating: entry, count: 5_000), truncated: true, total: 6_000)
        #expect(try FsListReply(json: listing.jsonText()) == listing)
    }

    @Test("a name that comes twice is malformed: two readers could read two bodies")
    func twice() {
        #expect(throws: TaskBodyError.malformed("a member name comes twice")) {
            try FsWriteReply(json: #"{"size":1,"size":2}"#)
        }
    }
}
