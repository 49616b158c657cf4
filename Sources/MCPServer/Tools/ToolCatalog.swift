/// Every tool, in the order in which lists show them. To add one, add its file, its two schemas and a line here.
public func allTools(_ services: ToolServices) -> [any Tool] {
    [
        WhoAmITool(services),
        ServerListTool(services),
        ServerGetTool(services),
        ExecTool(services),
        FsListTool(services),
        FsReadTool(services),
        FsWriteTool(services),
        FsDeleteTool(services),
        FsDownloadURLTool(services),
        FsUploadURLTool(services),

        SessionCreateTool(services),
        SessionRefreshTool(services),
        ProfileGetTool(services),
        ProfileUpdateTool(services),
        TokenListTool(services),
        TokenCreateTool(services),
        TokenDeleteTool(services),
        InventoryListTool(services),
        SettingGetTool(services),
        SettingUpdateTool(services),
    ]
}
