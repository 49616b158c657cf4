import AgentLink
import Foundation
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: one path")
struct ToolsStatTests {
    /// A tree as an agent shows it: names with a target are links, names with members directories.
    private static let tree: [String: [FsEntry]] = [
        "/": [
            dir("etc"), link("bin", "usr/bin"), dir("usr"), dir("data"), link("loop", "loop"),
            link("deep", "data/deep"),
        ],
        "/etc": [
            FsEntry(name: "hosts", type: "file", size: 42, mode: "0644", mtime: 5), link("mtab", "/proc/mounts"),
            FsEntry(name: ".hidden", type: "file", size: 1, mode: "0600", mtime: 6),
            FsEntry(name: "e\u{301}", type: "file", size: 2, mode: "0600", mtime: 7),
        ],
        "/usr": [dir("bin")],
        "/usr/bin": [FsEntry(name: "env", type: "file", size: 9, mode: "0755", mtime: 8)],
        "/data": [dir("deep"), dir("full"), dir("x"), link("up", "../etc")],
        "/data/deep": [link("up", "../x")],
        "/data/x": [FsEntry(name: "here", type: "file", size: 3, mode: "0600", mtime: 9)],
    ]

    private static func dir(_ name: String) -> FsEntry {
        FsEntry(name: name, type: "dir", size: 4096, mode: "0755", mtime: 1)
    }

    private static func link(_ name: String, _ target: String) -> FsEntry {
        FsEntry(
            name: name, type: "symlink", size: 1, mode: "0777", mtime: 2, isSymlink: true, linkTarget: target)
    }

    /// Lists as an agent does: links on the way are followed, not one in the last component.
    private static func list(_ body: String) throws -> FsListReply {
        let task = try FsListTask(json: body)
        let path = task.path.hasPrefix("/deep/") ? "/data" + task.path : task.path
        if path == "/data/full" {
            return FsListReply(entries: [dir("seen")], truncated: true, total: 9000)
        }
        if path == "/root" { return FsListReply(error: "permission denied") }
        if let entries = tree[path] {
            return FsListReply(entries: entries.filter { task.showHidden || !$0.name.hasPrefix(".") })
        }
        let parent = try #require(RemotePath(path)).parent
        let isThere = tree[parent.text]?.contains { $0.name == path.split(separator: "/").last.map(String.init) }
        return FsListReply(error: isThere == true ? "path is not a directory" : "file or directory does not exist")
    }

    private func stat(_ path: String) async throws -> Result<JSONValue, ToolFailure> {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        gateway.network.attach(server.id) { type, body in
            #expect(type == .fsList)
            return AgentTaskReply(data: try Self.list(body).jsonText(), successful: true)
        }
        let arguments: JSONValue = ["server_id": .integer(server.id), "path": .string(path)]
        return await gateway.call("fs.stat", arguments, as: try await gateway.token(of: owner, [.serverRead]))
    }

    @Test("a file, a hidden one, a directory and a link, each as its directory shows it")
    func kinds() async throws {
        #expect(
            try await stat("/etc//./hosts/").get() == [
                "path": "/etc/hosts", "exists": true, "type": "file", "size": 42, "mode": "0644", "mtime": 5,
                "is_symlink": false,
            ])
        #expect(try await stat("/etc/.hidden").get()["size"] == 1)
        #expect(try await stat("/usr/../etc").get()["type"] == "dir")
        let link = try await stat("/etc/mtab").get()
        #expect(link["type"] == "symlink")
        #expect(link["is_symlink"] == true)
        #expect(link["link_target"] == "/proc/mounts")
        #expect(try await stat("/").get() == ["path": "/", "exists": true, "type": "dir", "is_symlink": false])
    }

    @Test(
        "what is not there is a result, not an error",
        arguments: ["/etc/none", "/none/at/all", "/etc/hosts/below", "/etc/Hosts", "/etc/\u{E9}"])
    func missing(path: String) async throws {
        #expect(try await stat(path).get() == ["path": .string(path), "exists": false])
    }

    @Test("links on the way are followed as the system follows them")
    func links() async throws {
        #expect(try await stat("/bin/env").get()["size"] == 9)
        #expect(try await stat("/data/up/hosts").get()["size"] == 42)
        // Behind /deep the link's `..` is not that of the path's text: an answer would be of another file.
        #expect(try await stat("/deep/up/here").failureText?.contains("symbolic links") == true)
        #expect(try await stat("/data/deep/up/here").get()["size"] == 3)
        let loop = try await stat("/loop/x")
        #expect(loop.outcome == .rejected)
        #expect(loop.failureText?.contains("symbolic links") == true)
    }

    @Test("in a directory with too many entries a name that is not shown is an error that says so")
    func truncated() async throws {
        #expect(try await stat("/data/full/seen").get()["exists"] == true)
        let result = try await stat("/data/full/other")
        #expect(result.outcome == .rejected)
        #expect(result.failureText?.contains("1 of 9000") == true)
    }

    @Test("the agent's other errors and relative paths are errors")
    func errors() async throws {
        #expect(try await stat("/root/x").failureText == "permission denied")
        for path in ["etc", "./etc", "C:", "~/x"] {
            #expect(try await stat(path).failureText == "invalid arguments: path must be absolute")
        }
        #expect(try await stat("").failureText?.contains("path required") == true)
    }

    @Test("paths with a drive letter are taken apart at both slashes, names compared without regard to case")
    func drives() throws {
        let path = try #require(RemotePath(#"c:\Users/me\..\You\"#))
        #expect(path.text == #"c:\Users\You"#)
        #expect(path.parent.parent.text == #"c:\"#)
        #expect(path.name == "You")
        #expect(path.isName("YOU", "you"))
        let posix = try #require(RemotePath(#"/a\b/c"#))
        #expect(posix.parent.name == #"a\b"#)
        #expect(!posix.isName("A", "a"))
        #expect(RemotePath("/../..")?.text == "/")
    }
}
